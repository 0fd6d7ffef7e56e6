ARG BASE
FROM ${BASE}
COPY keyed.py /
CMD ["python3", "-u", "/keyed.py"]
