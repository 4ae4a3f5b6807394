"""`make render`: the stack as a tree of files for Flux or Argo CD."""
