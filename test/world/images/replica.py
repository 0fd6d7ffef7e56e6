"""What a release that was taken over can send to the keeper: datagrams in the edge's name, and requests. Prints what was answered."""
import base64, itertools, random, socket, sys, threading

count, keepers, listener = int(sys.argv[1]), sys.argv[2].split(","), sys.argv[3]
random.seed(7)
b64 = lambda text: base64.b64encode(text.encode("latin1")).decode()
deep = "[" * 4000 + "]" * 4000


def copy(path="/d", headers="a: b\r\n\r\n", body="{}", answer="{}", service="decisions", ident="forged-planted"):
    fields = ["copy", service, "1", "1", "r1.1", ident, "POST", "200", "12", b64(path), b64(headers), b64(body), b64(answer)]
    return " ".join(fields).encode()


FORGED = [
    copy(),
    copy(path=f"//{listener}/latest"),
    copy(path=f"/\\{listener}/latest"),
    copy(path=f"http://{listener}/latest"),
    copy(body=deep, answer=deep),
    copy(service="constructor"),
    copy(service="__proto__"),
    copy(service="../../planted"),
    copy(headers="__proto__: a\r\nconstructor: b\r\nx: \x1b]0;planted\x07\r\n\r\n", ident="\x1b]0;planted\x07"),
    copy()[:40],
    b"copy " * 12000,
    bytes(random.randrange(256) for _ in range(2000)),
    b"",
]
for index, datagram in zip(range(count), itertools.cycle(FORGED)):
    out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        out.sendto(datagram, (keepers[index % len(keepers)], 9997))
    except OSError:
        pass
    out.close()

ASKED = [
    "GET // HTTP/1.1",
    "GET http://a:99999/.well-known/acme-challenge/x HTTP/1.1",
    "GET http://a%zz/ HTTP/1.1",
    "GET /numbers?since=2592000 HTTP/1.1",
    "GET /.dray/metrics HTTP/1.1",
    "POST /.well-known/acme-challenge/x HTTP/1.1",
    "GET /\\a HTTP/1.1",
    "OPTIONS * HTTP/1.1",
]
answered, numbers = [], itertools.count()


def ask():
    while (index := next(numbers)) < count:
        try:
            one = socket.create_connection((keepers[index % len(keepers)], 8080), 0.5)
            one.sendall((ASKED[index % len(ASKED)] + "\r\nhost: a:99999\r\nconnection: close\r\n\r\n").encode("latin1"))
            if one.recv(100).startswith(b"HTTP/1.1 200"):
                answered.append(ASKED[index % len(ASKED)])
            one.close()
        except OSError:
            pass


threads = [threading.Thread(target=ask) for _ in range(100)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print("answered", len(answered), *answered[:3])
