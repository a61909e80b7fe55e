module eventpipeline.dev/examples/handler

go 1.24.0
