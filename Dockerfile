FROM python:3.12-slim AS build
WORKDIR /src
RUN python -m venv /opt/leitwarte
ENV VIRTUAL_ENV=/opt/leitwarte PATH=/opt/leitwarte/bin:$PATH UV_COMPILE_BYTECODE=1
COPY installer.lock requirements.lock ./
RUN pip install --no-cache-dir --require-hashes -r installer.lock \
    && uv pip install --no-cache --require-hashes -r requirements.lock
COPY . .
RUN uv pip install --no-cache --no-build-isolation --no-deps . && uv pip uninstall uv hatchling editables

FROM python:3.12-slim
COPY --from=build /opt/leitwarte /opt/leitwarte
RUN useradd --system --uid 10001 --home-dir /var/lib/leitwarte --create-home leitwarte \
    && install -d -o leitwarte -g leitwarte /provisioning
ENV PATH=/opt/leitwarte/bin:$PATH
USER leitwarte
WORKDIR /var/lib/leitwarte
ENTRYPOINT ["leitwarte"]
CMD ["--help"]
