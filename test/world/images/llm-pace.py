"""Stands before llama-server and holds its events back: each by GAP_MS, or all after the third until /tmp/go is there."""
import asyncio
import os
import subprocess
import sys

GAP = int(os.environ.get("GAP_MS", "0")) / 1000
SERVER = ("127.0.0.1", 8081)
FREE = 3


async def down(upstream, writer, held):
    seen = 0
    while data := await upstream.read(1 << 16):
        for part in data.replace(b"data: ", b"\0data: ").split(b"\0"):
            if part.startswith(b"data: "):
                seen += 1
                await asyncio.sleep(GAP)
                while held and seen > FREE and not os.path.exists("/tmp/go"):
                    await asyncio.sleep(0.05)
            writer.write(part)
            await writer.drain()


async def up(reader, upstream, held):
    while data := await reader.read(1 << 16):
        if b"x-hold:" in data.lower():
            held.append(True)
        upstream.write(data)
        await upstream.drain()


async def serve(reader, writer):
    try:
        server, upstream = await asyncio.open_connection(*SERVER)
    except OSError:
        return writer.close()
    held = []
    ways = [asyncio.create_task(down(server, writer, held)), asyncio.create_task(up(reader, upstream, held))]
    # The first side that leaves takes the other one with it.
    await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
    for way in ways:
        way.cancel()
    await asyncio.gather(*ways, return_exceptions=True)
    writer.close()
    upstream.close()


async def main():
    async with await asyncio.start_server(serve, "0.0.0.0", 8080) as server:
        await server.serve_forever()


subprocess.Popen(sys.argv[1:])
asyncio.run(main())
