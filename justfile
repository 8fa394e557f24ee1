# What there is to run: `just --list`.

# Toolchain and dependencies; each test suite installs its own tools
setup:
    rustup toolchain install
    cargo fetch --locked

# Debug build
build:
    cargo build --locked

# All Rust tests
test *ARGS:
    cargo test --locked {{ ARGS }}

# What the feature `ec2` adds, whose SDK the other recipes leave out
test-ec2:
    cargo clippy --all-targets --locked --features ec2 -- -D warnings
    cargo test --locked --features ec2 -- ec2 every_tool iam catalogue tokens asked

# What a call costs, without the sandbox in the binary (docs/benchmarks.md); `just bench call` or `just bench fan-out` for one part
bench *ARGS:
    cargo bench --locked --no-default-features --bench calls -- {{ ARGS }}

# What `proxy` adds to a signed call (docs/benchmarks.md)
bench-proxy:
    cargo bench --locked --bench proxy

# Format, clippy and rustdoc, as in .ci/run
lint:
    cargo fmt --check
    cargo clippy --all-targets --locked -- -D warnings
    RUSTDOCFLAGS=-Dwarnings cargo doc --no-deps --locked

# Everything that must hold before a change is merged
ci:
    .ci/run

# Licences, advisories, sources (needs cargo-deny)
deny:
    cargo deny --locked check

# Official MCP clients against the sandbox
clients: build
    tests/clients/run.sh

# The integration tests against an emulator that is not ours
ministack:
    tests/ministack/run.sh cargo test --locked --test it

# A stand-in for AWS's managed MCP endpoints, to point a proxy at
upstream *ARGS:
    cargo run --locked --example upstream -- {{ ARGS }}

# The stand-in's signatures, and those of whatever signs for it, as botocore judges them
signatures:
    tests/upstream/run.sh cargo test --locked --test it

# The published mcp-proxy-for-aws and ours, answer by answer; `just proxy --bench` times them
proxy *ARGS:
    tests/proxy/run.sh {{ ARGS }}

# MCP's conformance suite
conformance:
    tests/conformance/run.sh

# The Helm chart, without a cluster
helm: build
    tests/helm/run.sh target/debug/aws-ops-mcp

# Two replicas behind nginx and haproxy: restarts under load, kill -9; `just balancer --restarts 100 rolling` for the full number
balancer *ARGS: build
    cargo build --locked --example upstream
    tests/balancer/run.sh {{ ARGS }}

# 500 SSE sessions for ten minutes; `just soak --minutes 60` for longer
soak *ARGS: build
    cargo build --locked --example upstream
    python3 tests/balancer/soak.py --binary target/debug/aws-ops-mcp --upstream target/debug/examples/upstream {{ ARGS }}

# Several AWS accounts on this machine, no AWS needed
sandbox *ARGS:
    cargo run --locked -- serve --sandbox {{ ARGS }}

# The container image for both platforms, as aws-ops-mcp:amd64 and aws-ops-mcp:arm64 (docs/image.md); `just image amd64` for one
image *ARCHES='amd64 arm64':
    for arch in {{ ARCHES }}; do IMAGE_ARCH=$arch ./docker-start.sh build || exit; done

# What must hold of the image: builds it, or takes the one that IMAGE names
image-test:
    tests/image/run.sh

# What is in the image, as CycloneDX: target/sbom.cdx.json
sbom:
    .ci/sbom
