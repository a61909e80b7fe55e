module eventpipeline.dev/examples/client

go 1.24.0
