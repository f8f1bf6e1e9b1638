# The harness and its reference system: one image, many commands. See docker-compose.yml.
FROM python:3.12-slim
WORKDIR /harness
COPY pyproject.toml README.md LICENSE ./
COPY harness harness
RUN pip install --no-cache-dir .
COPY scenarios scenarios
ENTRYPOINT ["harness"]
