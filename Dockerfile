# speechalign in a container: docker build -t speechalign . && \
#   docker run --rm -v "$PWD/my_corpus:/corpus" -v "$PWD/aligned:/aligned" speechalign align /corpus /aligned
# EXTRAS adds optional packages: docker build --build-arg EXTRAS=plot,media,hf -t speechalign .
FROM python:3.12-slim
ARG EXTRAS=plot,media,serve
WORKDIR /src
COPY setup.py pyproject.toml README.md LICENSE ./
COPY speechalign speechalign
RUN pip install --no-cache-dir ".[$EXTRAS]" && rm -rf /src/build
# Kernels are compiled once, while the image is built, for whoever runs it.
ENV NUMBA_CACHE_DIR=/var/cache/speechalign
COPY examples /examples
RUN mkdir -m 1777 "$NUMBA_CACHE_DIR" \
  && speechalign align /examples/english /tmp/aligned -j 1 --quiet \
  && rm -r /tmp/aligned && chmod -R a+rwX "$NUMBA_CACHE_DIR"
WORKDIR /
ENTRYPOINT ["speechalign"]
CMD ["--help"]
