# The image of `dragline`: the binary, the certificates of public sites, and a health check, run by nobody in particular.
#
#   docker build -t dragline --build-arg REVISION=$(git rev-parse HEAD) .
#   docker run --rm dragline list
#
# Nothing here needs BuildKit. What enters the build is listed in .dockerignore.

# The manifests, each with an empty crate: what the layer with the dependencies hangs on, and nothing else. A change of
# a source file leaves this stage's result as it was; a new crate needs no line here.
FROM rust:1.95-slim-bookworm AS manifests
WORKDIR /src
COPY . .
RUN find . -type f ! -name Cargo.toml ! -name Cargo.lock -delete \
    && find . -name Cargo.toml -execdir sh -c 'mkdir -p src && : > src/lib.rs' \; \
    && mkdir -p crates/program && rm -r src && echo 'fn main() {}' > crates/program/main.rs \
    && find . -exec touch --date=@0 {} +

FROM rust:1.95-slim-bookworm AS build
WORKDIR /src
# The names of functions stay, for a backtrace; line tables would triple the binary.
ENV CARGO_PROFILE_RELEASE_DEBUG=none CARGO_PROFILE_RELEASE_STRIP=debuginfo
COPY --from=manifests /src .
RUN cargo build --locked --release --bin dragline
COPY . .
# Cargo compares times, and a checkout may be older than the layer above.
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

# Which commit it was built from, where the builder says so.
ARG REVISION=unknown
LABEL org.opencontainers.image.title="dragline" \
      org.opencontainers.image.description="A scraping pipeline that never lets go of a row" \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.revision="$REVISION" \
      org.opencontainers.image.licenses="MIT OR Apache-2.0" \
      org.opencontainers.image.base.name="docker.io/library/debian:bookworm-slim"

# A number, so that an orchestrator can see that it is not root.
USER 10001:10001
# The embedded default, sqlite:dragline.db, is written here. Nothing else is written but the heartbeat file: with a tmpfs
# on /tmp the root file system may be read-only.
WORKDIR /var/lib/dragline
VOLUME /var/lib/dragline
ENV DRAGLINE_HEARTBEAT_FILE=/tmp/dragline.heartbeat

# /health, /ready, /status and /metrics. Platforms that choose the port say so in PORT.
ENV DRAGLINE_LISTEN=0.0.0.0
EXPOSE 8080

# A crawler among other containers can be led to them by a link, and to the metadata service that gives out the cloud's
# keys. `DRAGLINE_DENY_PRIVATE_NETWORKS=false` to crawl a site of one's own network.
ENV DRAGLINE_DENY_PRIVATE_NETWORKS=true

# It is process 1 as it is: it hears the signals, ends every command at them, and reaps orphans (crates/runtime/src/first_process.rs).
# The stop takes 8 seconds at most (SHUTDOWN_TIMEOUT_SECONDS), which fits in the 10 that Docker gives.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=10s --start-period=30s --retries=3 CMD ["dragline-healthcheck"]
ENTRYPOINT ["dragline"]
CMD ["--help"]
