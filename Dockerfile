# The server in an image without a shell: one binary, no user but `nonroot`, nothing to write to.
#   docker build -t aws-ops-mcp .                                  for production
#   docker build -t aws-ops-mcp:sandbox --build-arg FEATURES=sandbox .   with AWS accounts inside (docker-start.sh --sandbox)

FROM rust:1.95-slim-bookworm AS build
WORKDIR /build
ARG FEATURES=""

# The dependencies are a layer of their own, built around empty sources, so that a change of ours doesn't build them anew.
COPY Cargo.toml Cargo.lock ./
RUN mkdir src \
    && printf '//! Nothing yet.\n' > src/lib.rs \
    && printf '//! Nothing yet.\nfn main() {}\n' > src/main.rs \
    && cargo build --release --locked --no-default-features --features "$FEATURES" \
    && rm -r src

COPY src src
# Cargo goes by the time of a file, and ours may be older than the empty ones were.
RUN find src -name '*.rs' -exec touch {} + \
    && cargo build --release --locked --no-default-features --features "$FEATURES"

FROM gcr.io/distroless/cc-debian12:nonroot
COPY --from=build /build/target/release/aws-ops-mcp /aws-ops-mcp
# By number, so that Kubernetes sees that it is not root.
USER 65532:65532
ENV MCP_HOST=0.0.0.0
EXPOSE 8000
ENTRYPOINT ["/aws-ops-mcp"]
CMD ["serve"]
