# The server in an image without a shell: one static binary, no user but `nonroot`, nothing to write to.
#   docker build -t aws-ops-mcp .                                        for production, on the build machine's architecture
#   docker build -t aws-ops-mcp:arm64 --platform linux/arm64 .           for another: compiled here, nothing is emulated
#   docker build -t aws-ops-mcp:sandbox --build-arg FEATURES=ec2,sandbox .   with AWS accounts inside (docker-start.sh --sandbox)
# docs/image.md has the sizes, the list of what is inside (SBOM), and what AgentCore Runtime needs.

FROM --platform=$BUILDPLATFORM rust:1.95-slim-bookworm AS build
WORKDIR /build

# zig is the C compiler and linker for both architectures. cargo-auditable writes the list of dependencies into the binary.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends python3-pip \
    && rm -rf /var/lib/apt/lists/* \
    && pip install --no-cache-dir --break-system-packages cargo-zigbuild==0.24.0 ziglang==0.17.0 \
    && rustup target add x86_64-unknown-linux-musl aarch64-unknown-linux-musl \
    && cargo install --locked --root /usr/local cargo-auditable@0.7.7 \
    && rm -rf "$CARGO_HOME/registry"

# Empty without BuildKit or --platform: then it is the build machine's own.
ARG TARGETARCH
ARG FEATURES="ec2"
RUN case "${TARGETARCH:-$(dpkg --print-architecture)}" in \
        amd64) target=x86_64-unknown-linux-musl ;; \
        arm64) target=aarch64-unknown-linux-musl ;; \
        *) echo "Dockerfile: no build for $TARGETARCH, only for amd64 and arm64" >&2; exit 1 ;; \
    esac \
    && echo "$target" >/target

# The dependencies are a layer of their own, built around empty sources, so that a change of ours doesn't build them anew.
COPY Cargo.toml Cargo.lock ./
RUN mkdir src \
    && printf '//! Nothing yet.\n' > src/lib.rs \
    && printf '//! Nothing yet.\nfn main() {}\n' > src/main.rs \
    && cargo auditable zigbuild --profile image --locked --target "$(cat /target)" --no-default-features --features "$FEATURES" --bin aws-ops-mcp \
    && rm -r src

COPY src src
# Cargo goes by the time of a file, and ours may be older than the empty ones were.
RUN find src -name '*.rs' -exec touch {} + \
    && cargo auditable zigbuild --profile image --locked --target "$(cat /target)" --no-default-features --features "$FEATURES" --bin aws-ops-mcp

FROM gcr.io/distroless/static-debian12:nonroot
COPY --from=build /build/target/*-musl/image/aws-ops-mcp /aws-ops-mcp
# By number, so that Kubernetes sees that it is not root.
USER 65532:65532
ENV MCP_HOST=0.0.0.0
EXPOSE 8000
ENTRYPOINT ["/aws-ops-mcp"]
CMD ["serve"]

ARG VERSION=0.1.0
ARG REVISION=""
ARG SOURCE=""
LABEL org.opencontainers.image.title="aws-ops-mcp" \
    org.opencontainers.image.description="The MCP server that SREs trust with every AWS account they have" \
    org.opencontainers.image.licenses="Apache-2.0" \
    org.opencontainers.image.version="$VERSION" \
    org.opencontainers.image.revision="$REVISION" \
    org.opencontainers.image.source="$SOURCE"
