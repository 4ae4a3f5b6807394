# Judges no object: what conftest needs to start and to parse.
package main

import rego.v1

deny contains "never" if input.kind == "NoKind"
