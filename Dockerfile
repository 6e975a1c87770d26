# The slim image: server, worker and CLI, for a Temporal cluster and PostgreSQL.
# `steward dev`, with Temporal inside, takes a build without the tag:
#   docker build --build-arg TAGS= .
FROM golang:1.26.8-bookworm AS build
ARG TAGS=noembed
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=0 go build -trimpath -tags "${TAGS}" -ldflags "-s -w" -o /out/steward ./cmd/steward \
    && mkdir /out/data

# wget asks /readyz in health checks; there is no shell.
FROM busybox:1.37.0-musl AS busybox

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /usr/local/go/lib/time/zoneinfo.zip /usr/share/zoneinfo.zip
COPY --from=busybox /bin/wget /usr/local/bin/wget
COPY --from=build --chown=65532:65532 /out/data /data
COPY --from=build /out/steward /usr/local/bin/steward
ENV PATH=/usr/local/bin ZONEINFO=/usr/share/zoneinfo.zip STEWARD_DATA=/data STEWARD_LISTEN=0.0.0.0:8087
USER 65532:65532
EXPOSE 8087
ENTRYPOINT ["steward"]
CMD ["server"]
