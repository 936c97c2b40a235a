# An agency's agent as an image with nothing in it but the binary. Build from the repository's root:
#   docker build -f deploy/agent.Dockerfile -t concordat-agent .
# Run with configuration and state mounted:
#   docker run --read-only --cap-drop=ALL -v /etc/concordat-agent:/etc/concordat-agent:ro -v concordat-agent:/var/lib/concordat-agent concordat-agent
FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=0 go build -trimpath -ldflags=-s -o /concordat . && mkdir /state

FROM scratch
COPY --from=build /concordat /concordat
COPY --from=build --chown=65532:65532 /state /var/lib/concordat-agent
USER 65532:65532
ENTRYPOINT ["/concordat", "agent", "--config", "/etc/concordat-agent/agent.yaml"]
