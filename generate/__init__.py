"""Writers of every generated file. They read keda, components and policies; nothing imports them."""
