# The harness, its reference system, and Toxiproxy: one image, many commands. See docker-compose.yml.
ARG PYTHON=python:3.12.11-slim-bookworm@sha256:519591d6871b7bc437060736b9f7456b8731f1499a57e22e6c285135ae657bf7

FROM ${PYTHON} AS build
RUN python -m venv /opt/harness
ENV PATH=/opt/harness/bin:$PATH
WORKDIR /source
COPY pyproject.toml README.md LICENSE ./
COPY harness harness
RUN pip install --no-cache-dir .
# The binary that the harness would download at its first run, checked against the sum that it pins.
RUN python -m harness.running.toxiproxy /opt/harness/bin/toxiproxy-server

FROM ${PYTHON}
COPY --from=build /opt/harness /opt/harness
# Nothing but /tmp and the reports is written: the rest of the file system can be read-only.
ENV PATH=/opt/harness/bin:$PATH HOME=/tmp PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
WORKDIR /harness
COPY scenarios scenarios
RUN mkdir reports && chown 1000:1000 reports
USER 1000:1000
ENTRYPOINT ["harness"]
