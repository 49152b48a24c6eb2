# Two images:
#   docker build --target serving -t silhouette-serving .
#   docker build --target training -t silhouette-training --build-arg TENSORFLOW='tensorflow[and-cuda]' .
ARG PYTHON=3.12

FROM python:${PYTHON}-slim AS base
ENV PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /app
RUN useradd --create-home --uid 1000 silhouette \
    && mkdir indexes models cache keys \
    && chown silhouette:silhouette indexes models cache keys
COPY constraints.txt requirements-serving.txt ./

# Trains and evaluates. TENSORFLOW may add the libraries of a GPU; the version stands in requirements.txt.
FROM base AS training
ARG TENSORFLOW=tensorflow
COPY requirements.txt ./
RUN pip install -r requirements.txt "${TENSORFLOW}"
COPY training training/
COPY index index/
COPY service service/
COPY clients/js clients/js/
USER silhouette
CMD ["python", "-m", "training", "--help"]

# Serves, and builds indexes. No TensorFlow. The last stage is the default one.
# STORE_CLIENT=pymilvus adds the client of Milvus, in the version of constraints.txt.
FROM base AS serving
ARG STORE_CLIENT=
RUN pip install -r requirements-serving.txt ${STORE_CLIENT}
COPY training training/
COPY index index/
COPY service service/
COPY clients/js clients/js/
USER silhouette
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s --retries=3 \
    CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8000/healthz', timeout=4)"]
CMD ["python", "-m", "service", "serve", "--host", "0.0.0.0", "--port", "8000"]
