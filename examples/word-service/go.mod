module eventpipeline.dev/examples/word-service

go 1.24.0
