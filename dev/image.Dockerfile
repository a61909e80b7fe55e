# The image of producers, consumers, the operator, the database's agent and the command-line tool.
# It contains static programs and trusted certificates. A pod names the program that it runs.
FROM scratch
COPY ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY eventpipeline-producer eventpipeline-consumer eventpipeline-operator eventpipeline-agent eventpipeline /
USER 65532:65532
