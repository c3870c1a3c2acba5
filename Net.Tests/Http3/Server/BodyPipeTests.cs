using System.Buffers;
using System.IO.Pipelines;
using System.Text;
using Net.Core.Wire;
using Net.Http3.Server;

namespace Net.Tests.Http3.Server;

/// <summary>Bodies as pipes: the contract of System.IO.Pipelines, and what travels of it.</summary>
[TestClass]
public sealed class BodyPipeTests
{
    /// <summary>Goal: one pipe copied into the other echoes every byte, in pieces of any size, through a small window.</summary>
    [TestMethod]
    [DataRow(1)]
    [DataRow(7)]
    [DataRow(int.MaxValue)]
    public void A_body_is_copied_through(int pieces)
    {
        HostWorld world = new(new Handler(async (exchange, token) =>
        {
            await exchange.RespondAsync(200);
            await exchange.BodyReader.CopyToAsync(exchange.BodyWriter, token);
        }));
        world.Link.Window = pieces == 1 ? 100 : 5000;
        byte[] sent = [.. Enumerable.Range(0, pieces == 1 ? 400 : 60_000).Select(i => (byte)(i * 7))];
        StreamId id = world.Request("POST", hasBody: true);
        int offset = 0;
        world.Between = () =>
        {
            offset += offset < sent.Length ? world.Client.Write(id, sent.AsSpan(offset)) : 0;
            if (offset == sent.Length)
            {
                offset++;
                world.Client.TryFinish(id);
            }
        };
        world.Run(pieces);
        Assert.IsTrue(sent.AsSpan().SequenceEqual(world.Body(id)), $"{world.Body(id).Length} bytes");
        Assert.Contains(id, world.Ended);
    }

    /// <summary>Goal: what was written without a flush is sent when the handler ends, in order with what was written beside the pipe.</summary>
    [TestMethod]
    public void The_end_of_a_handler_flushes()
    {
        HostWorld world = new(new Handler(async (exchange, _) =>
        {
            await exchange.RespondAsync(200);
            exchange.BodyWriter.Write("one "u8);
            Assert.AreEqual(4, exchange.BodyWriter.UnflushedBytes);
            await exchange.WriteAsync("two "u8.ToArray());
            Encoding.UTF8.GetBytes("three", exchange.BodyWriter);
        }));
        StreamId id = world.Request();
        world.Run();
        Assert.AreEqual("one two three", Encoding.UTF8.GetString(world.Body(id)));
    }

    /// <summary>
    /// Goal: bytes that a handler has looked at and not consumed are there again for the next one, on another node, and count as not read.
    /// Method: lines are sent back reversed; the server moves after each byte.
    /// </summary>
    [TestMethod]
    public void Unconsumed_bytes_travel()
    {
        const string Text = "abc\nde\n\nfghi\n";
        List<long> offsets = [];
        IComponent component = new ResumableHandler(async (exchange, _) =>
        {
            if (!exchange.ResponseStarted)
            {
                await exchange.RespondAsync(200);
            }

            offsets.Add(exchange.RequestOffset);
            while (true)
            {
                ReadResult result = await exchange.BodyReader.ReadAsync(CancellationToken.None);
                SequencePosition? end = result.Buffer.PositionOf((byte)'\n');
                if (end is null && result.IsCompleted)
                {
                    return;
                }

                if (end is null)
                {
                    exchange.BodyReader.AdvanceTo(result.Buffer.Start, result.Buffer.End);
                    continue;
                }

                byte[] line = result.Buffer.Slice(0, end.Value).ToArray();
                exchange.BodyReader.AdvanceTo(result.Buffer.GetPosition(1, end.Value));
                Array.Reverse(line);
                await exchange.BodyWriter.WriteAsync(line, CancellationToken.None);
            }
        });
        HostWorld world = new(component);
        StreamId id = world.Request("POST", hasBody: true);
        world.Run();
        for (int i = 0; i < Text.Length; i++)
        {
            Assert.AreEqual(1, world.Client.Write(id, [(byte)Text[i]]));
            world.Run();
            world.Host.Hold();
            world.Move(component);
            world.Run();
        }

        world.Client.TryFinish(id);
        world.Run();
        Assert.AreEqual("cbaedihgf", Encoding.ASCII.GetString(world.Body(id)));
        CollectionAssert.AreEqual(new long[] { 0, 0, 0, 0, 4, 4, 4, 7, 8, 8, 8, 8, 8, 13 }, offsets, string.Join(' ', offsets));
    }

    /// <summary>Goal: a pending read can be cancelled, by the reader or by its token, and nothing is lost by that; also while the exchange is held.</summary>
    [TestMethod]
    [DataRow(false, false)]
    [DataRow(false, true)]
    [DataRow(true, false)]
    [DataRow(true, true)]
    public void A_read_can_be_cancelled(bool byToken, bool held)
    {
        PipeReader? reader = null;
        List<string> log = [];
        using CancellationTokenSource cancel = new();
        HostWorld world = new(new ResumableHandler(async (exchange, _) =>
        {
            reader = exchange.BodyReader;
            try
            {
                ReadResult cancelled = await reader.ReadAsync(cancel.Token);
                log.Add($"cancelled {cancelled.IsCanceled} {cancelled.Buffer.Length}");
                reader.AdvanceTo(cancelled.Buffer.Start);
            }
            catch (OperationCanceledException)
            {
                log.Add("token");
            }

            ReadResult result = await reader.ReadAsync(CancellationToken.None);
            log.Add($"read {result.IsCanceled} {result.Buffer.Length}");
            await exchange.RespondAsync(200);
        }));
        StreamId id = world.Request("POST", hasBody: true);
        world.Run();
        if (held)
        {
            world.Host.Hold();
        }

        if (byToken)
        {
            cancel.Cancel();
        }
        else
        {
            reader!.CancelPendingRead();
        }

        world.Run();
        if (held)
        {
            Assert.IsEmpty(log);
            world.Host.Release(world.Now);
            world.Run();
        }

        world.Client.Write(id, new byte[5]);
        world.Run();
        CollectionAssert.AreEqual(new[] { byToken ? "token" : "cancelled True 0", "read False 5" }, log, string.Join('|', log));
        Assert.AreEqual(200, world.Responses[id].Status);
    }

    /// <summary>Goal: a handler that keeps everything hits a limit of its own, not of the machine.</summary>
    [TestMethod]
    public void What_is_kept_is_limited()
    {
        InvalidOperationException? fault = null;
        long kept = 0;
        HostWorld world = new(new Handler(async (exchange, _) =>
        {
            fault = await Assert.ThrowsExactlyAsync<InvalidOperationException>(async () =>
            {
                while (true)
                {
                    ReadResult result = await exchange.BodyReader.ReadAsync(CancellationToken.None);
                    kept = result.Buffer.Length;
                    exchange.BodyReader.AdvanceTo(result.Buffer.Start, result.Buffer.End);
                }
            });
        }));
        StreamId id = world.Request("POST", hasBody: true);
        world.Between = () => world.Client.Write(id, new byte[200_000]);
        for (int i = 0; i < 20 && fault is null; i++)
        {
            world.Client.Write(id, new byte[200_000]);
            world.Between = () => { };
            world.Run();
        }

        Assert.IsNotNull(fault);
        Assert.IsTrue(kept is > 1_000_000 and <= 1024 * 1024, $"{kept}");
    }
}
