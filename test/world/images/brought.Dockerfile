ARG BASE
FROM ${BASE} AS bare
COPY brought.py /
CMD ["python3", "-u", "/brought.py"]
FROM bare AS brought
EXPOSE 8080
