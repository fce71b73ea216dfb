# The gateway as an image: compiled, as nobody, without a shell. docs/guides/container.md says how to run it.
#
#     docker build --tag gateway .        (or podman, or buildah; `make image` adds version and revision)
#
# Both bases are Debian 13, since what is compiled with one runs with the other's Python. The second has Python and the
# libraries that it needs, and neither a shell nor a package manager. Others by --build-arg, by digest for example.
ARG BUILD_IMAGE=docker.io/library/debian:13-slim
ARG RUNTIME_IMAGE=gcr.io/distroless/python3-debian13:nonroot

FROM ${RUNTIME_IMAGE} AS runtime

FROM ${BUILD_IMAGE} AS build
# The compiler is whatever Debian has today: a version that is named here is gone from its mirrors with the next correction.
# hadolint ignore=DL3008
RUN apt-get update --quiet --quiet \
 && apt-get install --no-install-recommends --quiet --quiet --yes gcc libc6-dev python3-dev python3-venv \
 && rm -rf /var/lib/apt/lists/* /var/log/apt /var/log/dpkg.log
# The same files whenever it is built: neither the order of a set nor a time gets into them.
ENV PYTHONHASHSEED=0 PYTHONDONTWRITEBYTECODE=1 PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
# As the Makefile has it: what the locks pin, by its hash; nothing is resolved, and nothing of others is built.
ENV LOCKED="--quiet --no-deps --only-binary :all: --require-hashes --requirement"
WORKDIR /src
COPY requirements/runtime.lock requirements/image.lock requirements/
RUN python3 -m venv /tools \
 && /tools/bin/pip install --no-compile ${LOCKED} requirements/runtime.lock \
 && /tools/bin/pip install --no-compile ${LOCKED} requirements/image.lock

FROM build AS dependencies
# What nobody runs stays here, 43 of 92 MB: symbols for debuggers, the tests of libraries, a second copy of zstandard (for other
# Pythons than CPython), and setuptools, which has built the package. Twisted looks through its plugins at each start, since its
# list of them would have to be newer than they are, and here all files are of one time: those for other servers go.
RUN python3 -m venv --without-pip /opt/gateway \
 && /tools/bin/pip --python /opt/gateway/bin/python install --no-compile ${LOCKED} requirements/runtime.lock \
 && /tools/bin/pip --python /opt/gateway/bin/python uninstall --quiet --yes setuptools \
 && find /opt/gateway -depth -type d '(' -name test -o -name tests ')' -exec rm -r {} ';' \
 && find /opt/gateway -path '*/zstandard/_cffi.*.so' -delete \
 && find /opt/gateway -path '*/twisted/plugins/*.py' ! -name __init__.py ! -name twisted_core.py ! -name twisted_reactors.py -delete \
 && find /opt/gateway -name '*.so' -exec strip --strip-debug {} + \
 && /opt/gateway/bin/python -m compileall -q --invalidation-mode unchecked-hash /opt/gateway/lib
# The base's Python has no bytecode of its own modules: to compile them takes longer than all else of a start.
COPY --from=runtime /usr/lib/python3.13 /stdlib/usr/lib/python3.13
RUN python3 -m compileall -q -s /stdlib --invalidation-mode unchecked-hash /stdlib \
 && find /stdlib -type f ! -name '*.pyc' -delete \
 && find /stdlib -type l -delete \
 && find /stdlib -depth -type d -empty -delete

FROM build AS package
COPY setup.py setup.cfg pyproject.toml README.md LICENSE pytest_gateway.py ./
COPY requirements/build_backend.py requirements/
COPY twisted twisted
COPY gateway gateway
COPY --from=dependencies /opt/gateway /opt/gateway
# 1 compiles in a third of the time, for who builds often. The wheel is found by its name: installed by its path, its hash would be
# noted in the image, and that has the time of the build in it.
ARG GATEWAY_COMPILE_LEVEL=3
RUN GATEWAY_COMPILE=1 /tools/bin/pip --quiet wheel --no-deps --no-build-isolation --wheel-dir /wheel . \
 && /tools/bin/pip --quiet --python /opt/gateway/bin/python install --no-deps --no-compile --root /package \
      --no-index --find-links /wheel twisted-api-gateway \
 && find /package -name '*.so' -exec strip --strip-debug {} + \
 && python3 -m compileall -q -s /package --invalidation-mode unchecked-hash /package/opt/gateway/lib \
 && cp -r /package/opt /
# What all this, and the base, is made of.
COPY deploy/container/sbom.py deploy/container/
COPY --from=runtime /var/lib/dpkg /base
RUN /tools/bin/python -m cyclonedx_py environment --output-reproducible /opt/gateway/bin/python >/tmp/environment.json \
 && find /base -path '/base/status*' -type f ! -name '*.md5sums' -exec \
      /tools/bin/python deploy/container/sbom.py /tmp/environment.json {} + >/package/opt/gateway/sbom.cdx.json

FROM runtime
# From what seldom changes to what always does: an upgrade fetches the last layer only.
COPY --from=dependencies /stdlib /
COPY --from=dependencies /opt/gateway /opt/gateway
COPY --from=package /package /
ARG VERSION=0
ARG REVISION=unknown
ARG CREATED=1970-01-01T00:00:00Z
LABEL org.opencontainers.image.title="gateway" \
      org.opencontainers.image.description="An event-driven HTTP gateway on Twisted" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}"
ENV PATH=/opt/gateway/bin:/usr/local/bin:/usr/bin:/bin LANG=C.UTF-8 PYTHONSAFEPATH=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /etc/gateway
# By number: Kubernetes' runAsNonRoot wants one. It owns nothing in the image, and nothing has to be written.
USER 65532:65532
EXPOSE 8080 8443 9090
# Whether it serves, not whether its backends do: Swarm starts what is unhealthy anew.
HEALTHCHECK --interval=10s --timeout=6s --start-period=10s --retries=3 CMD ["/opt/gateway/bin/gateway", "health", "--live"]
ENTRYPOINT ["/opt/gateway/bin/gateway"]
CMD ["run", "/etc/gateway"]
