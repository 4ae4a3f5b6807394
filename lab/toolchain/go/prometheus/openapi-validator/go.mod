module github.com/pb33f/libopenapi-validator

go 1.25.0

require github.com/pb33f/libopenapi v0.36.1
