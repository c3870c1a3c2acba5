using Net.Core.Recovery;
using Net.Core.Snapshots;
using Net.Core.Streams;
using Net.Core.Time;
using Net.Core.Wire;

namespace Net.Tests.Core.Streams;

/// <summary>Receive windows grow with what the application reads, and with nothing else.</summary>
[TestClass]
public sealed class WindowTunerTests
{
    private const ulong Window = 1000;
    private const ulong Max = 5000;

    private static readonly TimeSpan s_roundTrip = TimeSpan.FromMilliseconds(100);
    private static readonly Instant s_start = new(TimeSpan.TicksPerDay);

    /// <summary>Goal: a window that is read within four round trips doubles, up to its limit and never beyond.</summary>
    [TestMethod]
    public void A_fast_reader_gets_a_larger_window()
    {
        WindowTuner tuner = new();
        ulong window = Window;
        List<ulong> seen = [];
        for (int i = 0; i < 6; i++)
        {
            tuner.OnRead(window);
            window = tuner.Next(window, Max, s_start + (i * 3 * s_roundTrip), s_roundTrip);
            seen.Add(window);
        }

        CollectionAssert.AreEqual(new ulong[] { 1000, 2000, 4000, 5000, 5000, 5000 }, seen, "the first one only starts the clock");
    }

    /// <summary>Goal: a slow reader, an unknown round trip and a limit below the window change nothing.</summary>
    [TestMethod]
    public void What_does_not_need_more_gets_no_more()
    {
        Assert.AreEqual(Window, AfterTwo(4 * s_roundTrip, s_roundTrip, Max), "exactly four round trips");
        Assert.AreEqual(2 * Window, AfterTwo((4 * s_roundTrip) - new TimeSpan(1), s_roundTrip, Max));
        Assert.AreEqual(Window, AfterTwo(TimeSpan.Zero, TimeSpan.Zero, Max));
        Assert.AreEqual(Window, AfterTwo(TimeSpan.Zero, s_roundTrip, Window / 2), "a window never shrinks");
    }

    /// <summary>Goal: a limit that is told early or again, when less than half a window was read, does not move the clock.</summary>
    [TestMethod]
    public void A_repeated_limit_measures_nothing()
    {
        WindowTuner tuner = new();
        tuner.OnRead(Window);
        _ = tuner.Next(Window, Max, s_start, s_roundTrip);
        tuner.OnRead((Window / 2) - 1);
        Assert.AreEqual(Window, tuner.Next(Window, Max, s_start + s_roundTrip, s_roundTrip));
        tuner.OnRead(1);
        Assert.AreEqual(2 * Window, tuner.Next(Window, Max, s_start + s_roundTrip, s_roundTrip), "half a window in one round trip");
        tuner.OnRead(Window / 2);
        Assert.AreEqual(Window, tuner.Next(Window, Max, s_start + (4 * s_roundTrip), s_roundTrip), "half a window in three is four per window and more");
    }

    /// <summary>Goal: what was read and since when travels, as an age.</summary>
    [TestMethod]
    public void WindowTuner_travels()
    {
        WindowTuner tuner = new();
        tuner.OnRead(Window);
        _ = tuner.Next(Window, Max, s_start, s_roundTrip);
        tuner.OnRead(Window - 1);
        SnapshotWriter writer = new(s_start + s_roundTrip);
        tuner.Export(writer);
        Instant elsewhere = new(7);
        WindowTuner copy = WindowTuner.Import(new SnapshotReader(writer.Written, elsewhere));
        copy.OnRead(1);
        Assert.AreEqual(Window, copy.Next(Window, Max, elsewhere + (3 * s_roundTrip), s_roundTrip), "four round trips by now");
        copy = WindowTuner.Import(new SnapshotReader(writer.Written, elsewhere));
        copy.OnRead(1);
        Assert.AreEqual(2 * Window, copy.Next(Window, Max, elsewhere + (2 * s_roundTrip), s_roundTrip));
    }

    /// <summary>Goal: of one fast transfer the stream's and the connection's windows grow, are told, hold, and travel (checklist S56's good side).</summary>
    [TestMethod]
    public void A_transfer_grows_both_windows_up_to_their_limits()
    {
        StreamOptions options = new() { StreamWindow = 4000, ConnectionWindow = 6000, MaxStreamWindow = 10_000, MaxConnectionWindow = 20_000 };
        StreamPair pair = new(options);
        Assert.IsTrue(pair.Client.TryOpen(unidirectional: true, out StreamId id));
        Instant now = s_start;
        ulong most = 0;
        for (int round = 0; round < 60; round++)
        {
            _ = pair.Client.Write(id, new byte[40_000], fin: false);
            while (pair.Client.HasFrames)
            {
                Parcel parcel = StreamPair.Write(pair.Client);
                Assert.IsFalse(StreamPair.Deliver(pair.Server, parcel).IsError);
                StreamPair.Acknowledge(pair.Client, parcel);
            }

            most = ulong.Max(most, pair.Server.Unread);
            while (pair.Server.Peek(id) is { IsEmpty: false } bytes)
            {
                pair.Server.Consume(id, bytes.Length);
            }

            now += s_roundTrip;
            if (round == 20)
            {
                pair.Server = StreamPair.Import(StreamPair.Export(pair.Server));
            }

            Assert.IsFalse(StreamPair.Deliver(pair.Client, Tell(pair.Server, now)).IsError);
        }

        Assert.AreEqual(options.MaxStreamWindow, most, "as much as one stream may hold");
        Assert.IsTrue(pair.Server.ConnectionWindow is > 10_000 and <= 20_000, $"{pair.Server.ConnectionWindow}");
    }

    /// <summary>Goal: high offsets, resets and STREAM_DATA_BLOCKED give their credit back and tune nothing (checklist S56).</summary>
    [TestMethod]
    public void S56_what_is_not_read_tunes_nothing()
    {
        StreamOptions options = new() { StreamWindow = 4000, ConnectionWindow = 6000, MaxStreamWindow = 1 << 20, MaxConnectionWindow = 1 << 20, MaxUnidirectional = 1000 };
        StreamTable server = new(isServer: true, options);
        server.OnPeerParameters(StreamPair.LimitsOf(options));
        Instant now = s_start;
        ulong told = options.ConnectionWindow, sent = 0;
        for (ulong index = 0; index < 200; index++, now += TimeSpan.FromMilliseconds(1))
        {
            StreamId id = StreamId.Of(index, serverInitiated: false, unidirectional: true);
            sent += options.StreamWindow;
            Assert.IsFalse(server.On(new DataBlockedFrame(told)).IsError);
            Assert.IsFalse(server.On(new ResetStreamFrame(id, 0, options.StreamWindow)).IsError);
            while (server.TryTakeEvent(out _))
            {
            }

            foreach (SentFrame frame in Tell(server, now).Frames.Where(f => f.Kind == SentFrameKind.MaxData))
            {
                told = frame.Offset;
            }
        }

        Assert.AreEqual(options.ConnectionWindow, server.ConnectionWindow);
        Assert.IsTrue(told <= sent + options.ConnectionWindow && told > sent, $"{told} of {sent}: what was reset is given back (checklist S58)");
    }

    private static Parcel Tell(StreamTable table, Instant now)
    {
        byte[] payload = new byte[StreamPair.PayloadSize];
        SentFrameBuffer frames = new();
        PacketBuilder builder = new(payload, frames);
        table.WriteFrames(ref builder, now, s_roundTrip);
        return new(payload[..builder.Writer.Position], frames.Frames.ToArray());
    }

    private static ulong AfterTwo(TimeSpan between, TimeSpan roundTrip, ulong max)
    {
        WindowTuner tuner = new();
        tuner.OnRead(Window);
        Assert.AreEqual(Window, tuner.Next(Window, max, s_start, roundTrip));
        tuner.OnRead(Window);
        return tuner.Next(Window, max, s_start + between, roundTrip);
    }
}
