# The image of `dragline`: the binary, CA certificates, and a health check. It runs as an unprivileged user.
#
#   docker build -t dragline --build-arg REVISION=$(git rev-parse HEAD) .
#   docker run --rm dragline list
#
# It doesn't need BuildKit. .dockerignore lists the files that enter the build.

# Only the manifests, each with an empty crate. The layer with the dependencies depends on this stage, so a change in a
# source file doesn't rebuild them. A new crate doesn't need a line here.
FROM rust:1.95-slim-bookworm AS manifests
WORKDIR /src
COPY . .
RUN find . -type f ! -name Cargo.toml ! -name Cargo.lock -delete \
    && find . -name Cargo.toml -execdir sh -c 'mkdir -p src && : > src/lib.rs' \; \
    && mkdir -p crates/program && rm -r src && echo 'fn main() {}' > crates/program/main.rs \
    && find . -exec touch --date=@0 {} +

FROM rust:1.95-slim-bookworm AS build
WORKDIR /src
# Keep the names of functions, for backtraces. Line tables would triple the size of the binary.
ENV CARGO_PROFILE_RELEASE_DEBUG=none CARGO_PROFILE_RELEASE_STRIP=debuginfo
COPY --from=manifests /src .
RUN cargo build --locked --release --bin dragline
COPY . .
# Cargo compares modification times, and a checkout may be older than the layer above.
RUN find . -path ./target -prune -o -name '*.rs' -exec touch {} + \
    && cargo build --locked --release --bin dragline \
    && cp target/release/dragline /usr/local/bin/

FROM debian:bookworm-slim
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt /var/cache/debconf/* /var/log/apt /var/log/dpkg.log \
    && groupadd --system --gid 10001 dragline \
    && useradd --system --uid 10001 --gid dragline --no-create-home --home-dir /var/lib/dragline dragline \
    && install -d -o dragline -g dragline /var/lib/dragline
COPY LICENSE-MIT LICENSE-APACHE /usr/share/doc/dragline/
COPY deploy/healthcheck.sh /usr/local/bin/dragline-healthcheck
COPY --from=build /usr/local/bin/dragline /usr/local/bin/dragline

# The commit that it was built from, if the builder passes it.
ARG REVISION=unknown
LABEL org.opencontainers.image.title="dragline" \
      org.opencontainers.image.description="A scraping pipeline that never lets go of a row" \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.revision="$REVISION" \
      org.opencontainers.image.licenses="MIT OR Apache-2.0" \
      org.opencontainers.image.base.name="docker.io/library/debian:bookworm-slim"

# A number, so that an orchestrator can check that it is not root.
USER 10001:10001
# The default store, sqlite:dragline.db, is written here. The only other file it writes is the heartbeat file, so with a
# tmpfs on /tmp, the root file system can be read-only.
WORKDIR /var/lib/dragline
VOLUME /var/lib/dragline
ENV DRAGLINE_HEARTBEAT_FILE=/tmp/dragline.heartbeat

# Serves /health, /ready, /status and /metrics. If the platform chooses the port, it sets PORT.
ENV DRAGLINE_LISTEN=0.0.0.0
EXPOSE 8080

# Without this, a link could lead the crawler to other containers, or to the metadata service that hands out the cloud's
# keys. Set `DRAGLINE_DENY_PRIVATE_NETWORKS=false` to crawl a site in your own network.
ENV DRAGLINE_DENY_PRIVATE_NETWORKS=true

# It can be process 1 without an init: every command ends at signals, and it reaps orphans
# (crates/runtime/src/first_process.rs). A stop takes at most 8 seconds (SHUTDOWN_TIMEOUT_SECONDS), which fits into the 10
# seconds that Docker allows.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=10s --start-period=30s --retries=3 CMD ["dragline-healthcheck"]
ENTRYPOINT ["dragline"]
CMD ["--help"]
