using System.Security.Cryptography;
using System.Text;
using Net.Core.Wire;
using Net.Http3.Messages;
using Net.Node.Web;
using Net.Tests.Http3.Server;

namespace Net.Tests.Node.Web;

/// <summary>Goal: `web` answers as its contract says, and a move at any step changes no byte of any answer.</summary>
[TestClass]
public sealed class WebComponentTests
{
    private string _a = "", _b = "";

    [TestInitialize]
    public void MakeDirectories()
    {
        _a = Directory.CreateTempSubdirectory("continuum-web-a-").FullName;
        _b = Directory.CreateTempSubdirectory("continuum-web-b-").FullName;
    }

    [TestCleanup]
    public void RemoveDirectories()
    {
        Directory.Delete(_a, recursive: true);
        Directory.Delete(_b, recursive: true);
    }

    [TestMethod]
    public void Bytes_are_the_key_stream_with_length_and_etag()
    {
        HostWorld world = new(At(_a, "a", 1));
        StreamId id = world.Request(path: "/bytes/100000");
        Finish(world);
        ResponseHead head = world.Responses[id];
        Assert.AreEqual(200, head.Status);
        Assert.AreEqual("100000", head.Headers["content-length"]);
        Assert.AreEqual($"\"{Convert.ToHexStringLower(SHA256.HashData(Stream(0, 100000)))}\"", head.Headers["etag"]);
        Assert.AreEqual("bytes", head.Headers["accept-ranges"]);
        CollectionAssert.AreEqual(Stream(0, 100000), world.Body(id));
        Assert.Contains(id, world.Ended);
    }

    [TestMethod]
    public void Head_has_the_same_fields_and_no_body()
    {
        HostWorld world = new(At(_a, "a", 1));
        StreamId get = world.Request(path: "/bytes/5000"), head = world.Request("HEAD", "/bytes/5000"), huge = world.Request("HEAD", "/bytes/1099511627776");
        Finish(world);
        CollectionAssert.AreEqual(world.Responses[get].Headers.ToArray(), world.Responses[head].Headers.ToArray());
        Assert.AreEqual(0, world.Body(head).Length);
        Assert.AreEqual("1099511627776", world.Responses[huge].Headers["content-length"]);
        Assert.IsNull(world.Responses[huge].Headers["etag"]);
        Assert.Contains(huge, world.Ended);
    }

    /// <summary>Goal: the value is what was put last; it is written down and taken over whole, or refused.</summary>
    [TestMethod]
    public void A_value_is_kept_and_written_down()
    {
        WebComponent component = At(_a, "a", 1);
        HostWorld world = new(component);
        Assert.AreEqual("", Get(world));
        Put(world, "one"u8.ToArray(), 204);
        Assert.AreEqual("one", Get(world));
        System.Buffers.ArrayBufferWriter<byte> saved = new();
        component.Save(saved);
        Put(world, new byte[SharedValue.MaxLength], 204);
        Put(world, new byte[SharedValue.MaxLength + 1], 413);
        Assert.AreEqual(SharedValue.MaxLength, Get(world).Length);
        component.Restore(saved.WrittenMemory);
        Assert.AreEqual("one", Get(world));
        Assert.ThrowsExactly<InvalidDataException>(() => component.Restore(new byte[SharedValue.MaxLength + 1]));
        Assert.AreEqual("one", Get(world));

        static string Get(HostWorld world)
        {
            StreamId id = world.Request(path: "/value");
            Finish(world);
            Assert.AreEqual(200, world.Responses[id].Status);
            return Encoding.UTF8.GetString(world.Body(id));
        }

        static void Put(HostWorld world, byte[] value, int status)
        {
            StreamId id = world.Request("PUT", "/value", hasBody: true);
            Assert.AreEqual(value.Length, world.Client.Write(id, value));
            world.Client.TryFinish(id);
            Finish(world);
            Assert.AreEqual(status, world.Responses[id].Status);
        }
    }

    [TestMethod]
    public void Ranges_conditions_and_what_cannot_be_satisfied()
    {
        HostWorld world = new(At(_a, "a", 1));
        string etag = $"\"{Convert.ToHexStringLower(SHA256.HashData(Stream(0, 1000)))}\"";
        StreamId part = world.Request(path: "/bytes/1000", headers: new Field("range", "bytes=17-40"));
        StreamId beyond = world.Request(path: "/bytes/1000", headers: new Field("range", "bytes=1000-"));
        StreamId stale = world.Request(path: "/bytes/1000", headers: [new("range", "bytes=17-40"), new("if-range", "\"old\"")]);
        StreamId fresh = world.Request(path: "/bytes/1000", headers: [new("range", "bytes=-5"), new("if-range", etag)]);
        StreamId known = world.Request(path: "/bytes/1000", headers: new Field("if-none-match", $"\"x\", W/{etag}"));
        Finish(world);

        Assert.AreEqual(206, world.Responses[part].Status);
        Assert.AreEqual("bytes 17-40/1000", world.Responses[part].Headers["content-range"]);
        Assert.AreEqual("24", world.Responses[part].Headers["content-length"]);
        CollectionAssert.AreEqual(Stream(17, 24), world.Body(part));
        Assert.AreEqual(416, world.Responses[beyond].Status);
        Assert.AreEqual("bytes */1000", world.Responses[beyond].Headers["content-range"]);
        Assert.AreEqual(200, world.Responses[stale].Status);
        Assert.AreEqual(1000, world.Body(stale).Length);
        Assert.AreEqual(206, world.Responses[fresh].Status);
        CollectionAssert.AreEqual(Stream(995, 5), world.Body(fresh));
        Assert.AreEqual(304, world.Responses[known].Status);
        Assert.AreEqual(5, new[] { part, beyond, stale, fresh, known }.Count(world.Ended.Contains));
    }

    [TestMethod]
    public void What_is_not_there_and_what_is_not_allowed()
    {
        HostWorld world = new(At(_a, "a", 1));
        StreamId none = world.Request(path: "/nothing"), file = world.Request(path: "/files/none"), post = world.Request("POST", "/bytes/1"), get = world.Request(path: "/sha256");
        Finish(world);
        Assert.AreEqual(404, world.Responses[none].Status);
        Assert.AreEqual(404, world.Responses[file].Status);
        Assert.AreEqual(405, world.Responses[post].Status);
        Assert.AreEqual("GET, HEAD", world.Responses[post].Headers["allow"]);
        Assert.AreEqual(405, world.Responses[get].Status);
        Assert.AreEqual("POST, PUT", world.Responses[get].Headers["allow"]);
    }

    [TestMethod]
    public void Who_serves_is_told()
    {
        HostWorld world = new(At(_a, "alpha", 7));
        StreamId id = world.Request(path: "/whoami");
        Finish(world);
        Assert.AreEqual("""{"node":"alpha","component":"web","epoch":7}""", Encoding.UTF8.GetString(world.Body(id)));
        Assert.AreEqual("application/json", world.Responses[id].Headers["content-type"]);
    }

    [TestMethod]
    public void A_download_survives_a_move_at_every_step()
    {
        byte[] expected = Stream(11, 3000);
        AtEveryStep((world, component, moveAt) =>
        {
            StreamId id = world.Request(path: "/bytes/100000", headers: new Field("range", "bytes=11-3010"));
            MoveAfter(world, moveAt, () => component(_b));
            Finish(world, pieces: 400);
            CollectionAssert.AreEqual(expected, world.Body(id), $"moved at step {moveAt}");
            Assert.AreEqual(206, world.Responses[id].Status);
            Assert.Contains(id, world.Ended);
        });
    }

    [TestMethod]
    public void An_upload_is_digested_once_across_a_move_at_every_step()
    {
        byte[] upload = Stream(3, 2000);
        string expected = $"2000 {Convert.ToHexStringLower(SHA256.HashData(upload))}\n";
        AtEveryStep((world, component, moveAt) =>
        {
            StreamId id = world.Request("POST", "/sha256", hasBody: true);
            Send(world, id, upload);
            MoveAfter(world, moveAt, () => component(_b));
            Finish(world, pieces: 170);
            Assert.AreEqual(expected, Encoding.ASCII.GetString(world.Body(id)), $"moved at step {moveAt}");
            Assert.AreEqual("text/plain", world.Responses[id].Headers["content-type"]);
        });
    }

    [TestMethod]
    public void An_echo_neither_loses_nor_repeats_across_a_move_at_every_step()
    {
        byte[] upload = Stream(5, 2000);
        byte[] expected = [.. upload.Select(value => (byte)(value + 1))];
        AtEveryStep((world, component, moveAt) =>
        {
            // A small window: pieces are taken in parts, and a move finds a piece half written.
            world.Link.Window = 300;
            StreamId id = world.Request("PUT", "/echo", hasBody: true);
            Sender sender = new(world, id, upload);
            MoveAfter(world, moveAt, () => component(_b), sender.Push);
            Finish(world, pieces: 170);
            CollectionAssert.AreEqual(expected, world.Body(id), $"moved at step {moveAt}");
            Assert.Contains(id, world.Ended);
        });
    }

    [TestMethod]
    public void A_counter_counts_on_across_moves_without_gap_or_repeat()
    {
        HostWorld world = new(At(_a, "a", 1));
        StreamId id = world.Request(path: "/counter");
        world.Run();
        for (int second = 0; second < 12; second++)
        {
            if (second % 3 == 1)
            {
                world.Host.Hold();
                world.Run();
                world.Move(At(_b, "b", (ulong)second));
                world.Run();
            }

            world.RunToDeadline();
        }

        string expected = string.Concat(Enumerable.Range(1, 13).Select(number => $"data: {number}\n\n"));
        Assert.AreEqual(expected, Encoding.ASCII.GetString(world.Body(id)));
        Assert.AreEqual("text/event-stream", world.Responses[id].Headers["content-type"]);
        Assert.AreEqual(12, (world.Now - new Net.Core.Time.Instant(1000)).TotalSeconds, 0.001, "moves neither add nor take seconds");
    }

    [TestMethod]
    public void A_file_goes_on_from_the_same_file_of_the_destination()
    {
        byte[] content = Stream(0, 3000);
        File.WriteAllBytes(Path.Combine(_a, "f.bin"), content);
        File.WriteAllBytes(Path.Combine(_b, "f.bin"), content);
        AtEveryStep((world, component, moveAt) =>
        {
            StreamId id = world.Request(path: "/files/f.bin");
            MoveAfter(world, moveAt, () => component(_b));
            Finish(world, pieces: 400);
            CollectionAssert.AreEqual(content, world.Body(id), $"moved at step {moveAt}");
            Assert.AreEqual($"\"{Convert.ToHexStringLower(SHA256.HashData(content))}\"", world.Responses[id].Headers["etag"]);
        });
    }

    /// <summary>Same length with another byte, another length, and no file at all.</summary>
    [TestMethod]
    [DataRow(3000)]
    [DataRow(2999)]
    [DataRow(-1)]
    public void Another_file_at_the_destination_resets_the_stream(int length)
    {
        byte[] content = Stream(0, 3000);
        File.WriteAllBytes(Path.Combine(_a, "f.bin"), content);
        if (length >= 0)
        {
            byte[] other = content[..length];
            other[^1] ^= 1;
            File.WriteAllBytes(Path.Combine(_b, "f.bin"), other);
        }

        HostWorld world = new(At(_a, "a", 1)) { Link = { Window = 1000 } };
        StreamId id = world.Request(path: "/files/f.bin");
        bool moved = false;
        world.Between = () =>
        {
            if (!moved && world.Body(id).Length > 500)
            {
                moved = true;
                world.Host.Hold();
                if (world.Host.IsQuiet)
                {
                    world.Move(At(_b, "b", 2));
                }
            }
        };
        Finish(world, pieces: 100);
        Assert.IsTrue(moved);
        Assert.IsTrue(world.Aborted.ContainsKey(id), "the stream is reset");
        byte[] received = world.Body(id);
        CollectionAssert.AreEqual(content[..received.Length], received);
    }

    private static WebComponent At(string directory, string node, ulong epoch) => new(directory, new TestIdentity(node, epoch));

    private static byte[] Stream(long offset, int length)
    {
        byte[] bytes = new byte[length];
        new KeyStream(KeyStream.MaxLength).Read(offset, bytes);
        return bytes;
    }

    /// <summary>Runs a scenario without a move, then with one at step 0, 1, 2... until it ends before the move.</summary>
    private void AtEveryStep(Action<HostWorld, Func<string, WebComponent>, int> scenario)
    {
        int moves = 0;
        for (int step = -1; step < 60; step++)
        {
            scenario(new(At(_a, "a", 1)), directory =>
            {
                moves++;
                return At(directory, "b", 2);
            }, step);
        }

        Assert.IsGreaterThan(5, moves, "steps at which it moved");
    }

    private static void MoveAfter(HostWorld world, int steps, Func<WebComponent> destination, Action? also = null)
    {
        int count = 0;
        bool held = false;
        world.Between = () =>
        {
            also?.Invoke();
            if (count++ == steps)
            {
                world.Host.Hold();
                held = true;
            }

            if (held && world.Host.IsQuiet)
            {
                held = false;
                world.Move(destination());
            }
        };
    }

    private static void Finish(HostWorld world, int pieces = int.MaxValue)
    {
        world.Run(pieces);
        for (int limit = 200; limit > 0 && !world.Host.Deadline.IsNever; limit--)
        {
            world.Now = world.Host.Deadline;
            world.Host.Tick(world.Now);
            world.Run(pieces);
        }
    }

    private static void Send(HostWorld world, StreamId id, byte[] body)
    {
        Sender sender = new(world, id, body);
        sender.Push();
        Assert.IsTrue(sender.IsDone);
    }

    /// <summary>A client's upload: as much as the window takes, whenever there is room.</summary>
    private sealed class Sender(HostWorld world, StreamId id, byte[] body)
    {
        private int _sent;

        public bool IsDone { get; private set; }

        public void Push()
        {
            while (_sent < body.Length)
            {
                int count = world.Client.Write(id, body.AsSpan(_sent));
                if (count == 0)
                {
                    return;
                }

                _sent += count;
            }

            IsDone |= !IsDone && world.Client.TryFinish(id);
        }
    }
}
