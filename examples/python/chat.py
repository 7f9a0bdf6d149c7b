"""Two players in Python talk over the chat hub, with nothing but our .proto files and the stock gRPC library.

They sign in by device, one asks the other into a channel (the server asks that client, which answers), they talk, one loses its
link, comes back and goes on. usage: chat.py [HOST:PORT]
"""

import asyncio
import sys
import tempfile
import time
import uuid
from pathlib import Path

import grpc
import grpc_tools
from grpc_tools import protoc

ROOT = Path(__file__).resolve().parents[2]
PROTO = ROOT / "proto"
GENERATED = tempfile.TemporaryDirectory()

# A game would do this when it is built.
wanted = [str(path) for path in sorted((PROTO / "shallot").rglob("*.proto"))]
google = Path(grpc_tools.__file__).parent / "_proto"
flags = [f"-I{PROTO}", f"-I{google}", f"--python_out={GENERATED.name}", f"--grpc_python_out={GENERATED.name}"]
assert protoc.main(["protoc", *flags, *wanted]) == 0, "the contracts do not compile"
sys.path.insert(0, GENERATED.name)

from shallot.auth.v1 import auth_pb2 as auth, auth_pb2_grpc as auth_rpc  # noqa: E402
from shallot.hub.v1 import link_pb2 as hub, link_pb2_grpc as hub_rpc  # noqa: E402
from shallot.player.v1 import characters_pb2 as player, characters_pb2_grpc as player_rpc  # noqa: E402
from shallot.social.v1 import chat_pb2 as social  # noqa: E402

# What this client was made for: the newest release. The server goes on serving it after additive changes.
CONTRACT = bytes.fromhex((PROTO / "released/hashes.txt").read_text().split()[-1])


def method_id(path: str) -> int:
    """FNV-1a with 32 bits of "package.Service/Method"."""
    value = 0x811C9DC5
    for byte in path.encode():
        value = (value ^ byte) * 0x01000193 & 0xFFFFFFFF
    return value


def chat(method: str) -> int:
    return method_id(f"shallot.social.v1.ChatHub/{method}")


ON_MESSAGE = method_id("shallot.social.v1.ChatReceiver/OnMessage")
ACCEPT_INVITATION = method_id("shallot.social.v1.ChatReceiver/AcceptInvitation")


def request_id() -> str:
    """A UUIDv7: milliseconds since 1970, then random bits."""
    bits = int(time.time() * 1000) << 80 | uuid.uuid4().int & (1 << 80) - 1
    return str(uuid.UUID(int=bits & ~(0xF << 76) & ~(3 << 62) | 7 << 76 | 2 << 62))


class HubError(Exception):
    """What the server answers when it does not do what was asked."""


class Session:
    """A hub session. It outlives its link: `connect` again takes it up where it was."""

    def __init__(self, channel: grpc.aio.Channel, access_token: str):
        self.link = hub_rpc.HubLinkStub(channel)
        self.access_token = access_token
        self.resume_token, self.last_seq, self.last_call = b"", 0, 0
        self.waiting: dict[int, tuple[hub.Call, asyncio.Future]] = {}
        self.heard: asyncio.Queue[social.ChatMessage] = asyncio.Queue(maxsize=256)

    async def connect(self) -> hub.Welcome:
        self.out: asyncio.Queue[hub.ClientFrame] = asyncio.Queue()
        self.stream = self.link.Connect(self.outgoing())
        hello = hub.Hello(access_token=self.access_token, contract_hash=CONTRACT, build="python example")
        if self.resume_token:
            hello.resume_token, hello.last_seq = self.resume_token, self.last_seq
        self.send(hello=hello)
        self.welcomed = asyncio.get_running_loop().create_future()
        self.reader = asyncio.create_task(self.read())
        return await asyncio.wait_for(self.welcomed, 10)

    async def outgoing(self):
        while True:
            frames = [await self.out.get()]
            while not self.out.empty() and len(frames) < 64:  # what waits goes as one message
                frames.append(self.out.get_nowait())
            yield hub.ClientBatch(frames=frames)

    def send(self, **frame) -> None:
        self.out.put_nowait(hub.ClientFrame(**frame))

    async def read(self) -> None:
        async for batch in self.stream:
            before = self.last_seq
            for frame in batch.frames:
                self.handle(frame)
            if self.last_seq > before:
                self.send(ack=hub.Ack(seq=self.last_seq))

    def handle(self, frame: hub.ServerFrame) -> None:
        kind = frame.WhichOneof("frame")
        body = getattr(frame, kind) if kind else None  # a kind that is newer than this client is left out
        if kind in ("reply", "push", "ask", "group_gap") and body.seq:
            if body.seq <= self.last_seq:
                return  # it came over the lost link already
            self.last_seq = body.seq
        if kind == "welcome":
            self.resume_token = body.resume_token
            if not body.resumed:
                self.last_seq = 0
            for call, _ in self.waiting.values():
                if not body.resumed or call.id > body.last_call_id:
                    self.send(call=call)  # it never reached the session
            self.welcomed.set_result(body)
        elif kind == "ping":
            self.send(pong=hub.Pong(n=body.n, echo_time_ms=body.sender_time_ms, answerer_time_ms=int(time.time() * 1000)))
        elif kind == "push" and body.method == ON_MESSAGE:
            self.heard.put_nowait(social.ChatMessage.FromString(body.body))
        elif kind == "ask":
            self.answer(body)
        elif kind == "reply" and body.id in self.waiting:
            self.waiting.pop(body.id)[1].set_result(body)
        elif kind == "go_away" and not self.welcomed.done():
            self.welcomed.set_exception(HubError(f"{body.reason}: {body.message}"))

    def answer(self, ask: hub.Ask) -> None:
        if ask.method != ACCEPT_INVITATION:
            return self.send(answer=hub.Answer(id=ask.id, error=hub.Error(code=12, reason="UNKNOWN_METHOD")))
        invitation = social.Invitation.FromString(ask.body)
        print(f"{getattr(invitation, 'from').name} asks me into {invitation.channel}: yes")
        self.send(answer=hub.Answer(id=ask.id, body=social.InvitationAnswer(accepted=True).SerializeToString()))

    async def call(self, method: str, request, reply):
        self.last_call += 1
        call = hub.Call(id=self.last_call, method=chat(method), body=request.SerializeToString())
        future = asyncio.get_running_loop().create_future()
        self.waiting[call.id] = (call, future)
        self.send(call=call)
        result = await asyncio.wait_for(future, 30)
        if result.HasField("error"):
            raise HubError(f"{result.error.reason}: {result.error.message}")
        return reply.FromString(result.body)

    async def hear(self) -> str:
        message = await asyncio.wait_for(self.heard.get(), 30)
        return f"{getattr(message, 'from').name} in {message.channel}: {message.text}"

    async def cut(self) -> None:
        """As when a phone goes into a tunnel: no farewell."""
        self.reader.cancel()
        self.stream.cancel()
        await asyncio.gather(self.reader, return_exceptions=True)


async def sign_in(channel: grpc.aio.Channel, name: str) -> Session:
    credential = auth.DeviceCredential(device_key=uuid.uuid4().bytes + uuid.uuid4().bytes, create=True)
    signed_in = await auth_rpc.AuthServiceStub(channel).LogIn(auth.LogInRequest(device=credential))
    characters, metadata = player_rpc.CharacterServiceStub(channel), [("authorization", f"Bearer {signed_in.access_token}")]
    made = player.CreateCharacterRequest(request_id=request_id(), name=name, **{"class": "warrior"})
    character = await characters.Create(made, metadata=metadata)
    await characters.Select(player.SelectCharacterRequest(character_id=character.id), metadata=metadata)
    return Session(channel, signed_in.access_token)


async def main(address: str) -> None:
    async with grpc.aio.insecure_channel(address) as channel:
        tag = "".join(c for c in uuid.uuid4().hex if c.isalpha())[:6]
        ann, bob = await sign_in(channel, f"Ann {tag}"), await sign_in(channel, f"Bob {tag}")
        await ann.connect()
        await bob.connect()
        traders = f"traders {tag}"
        # A Welcome says that the session stands; whoever has an answer of the chat hub is known to it.
        await bob.call("Leave", social.LeaveChannelRequest(channel=traders), social.LeaveChannelReply)
        await ann.call("Join", social.JoinRequest(channel=traders), social.JoinReply)
        invited = await ann.call("Invite", social.InviteRequest(channel=traders, to=f"Bob {tag}"), social.InviteReply)
        assert invited.accepted, "bob said no"
        await bob.call("Join", social.JoinRequest(channel=traders), social.JoinReply)
        await bob.call("Send", social.SendRequest(channel=traders, text="any salt?"), social.SendReply)
        print("ann hears", await ann.hear())

        await ann.cut()
        await bob.call("Send", social.SendRequest(channel=traders, text="or pepper?"), social.SendReply)
        welcome = await ann.connect()
        assert welcome.resumed, "the session was not kept, and a game would have to begin again: join, look, enter"
        print("ann is back, and hears", await ann.hear())
        await ann.call("Send", social.SendRequest(channel=traders, text="salt I have"), social.SendReply)
        heard = [await bob.hear() for _ in range(3)]
        print("bob hears", heard[-1])
        await ann.cut()
        await bob.cut()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1] if len(sys.argv) > 1 else "127.0.0.1:7400"))
