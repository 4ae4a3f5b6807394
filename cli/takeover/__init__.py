"""`make takeover`: a KEDA that Helm installed becomes the program's."""
