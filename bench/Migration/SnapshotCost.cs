using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;
using Net.Core.Connections;
using Net.Core.Io;
using Net.Core.Snapshots;
using Net.Core.Time;
using Net.Http3.Server.Hosting;
using Net.Http3.Sessions;
using Net.Migration.Directory;
using Net.Migration.Envelope;
using Net.Migration.Hosting;

namespace Bench.Migration;

/// <summary>What an idle connection costs to write down and to read back, without links: sections by size, and connections per second of one core.</summary>
/// <remarks>
/// The median of the second half of the rounds counts: by then the code is compiled for speed, and what else runs on the machine, the collector's background
/// included, makes single ones twice as long.
/// </remarks>
internal sealed class SnapshotCost
{
    private readonly ImageStore _image = new(new());
    private readonly int _rounds;
    private TimeSpan _decoded;

    private SnapshotCost(int rounds) => _rounds = rounds;

    /// <summary>Writes down, and prints.</summary>
    public static async Task<SnapshotCost> WriteAsync(LiveFederation federation, int rounds)
    {
        ComponentShard shard = (await federation.Owner.FindShardAsync(LiveFederation.Component))!;
        SnapshotBinding binding = new("bench", 1, 1, new("a", 1), new("b", 1), 1);
        byte[] key = RandomNumberGenerator.GetBytes(SnapshotBinding.KeyLength);
        List<byte[]> parts = [];
        List<TimeSpan> written = [];
        for (int round = 0; round < rounds; round++)
        {
            parts.Clear();
            using ComponentExport export = new(binding, key);
            TaskCompletionSource done = new(TaskCreationOptions.RunContinuationsAsynchronously);
            shard.Run(now =>
            {
                long begun = Stopwatch.GetTimestamp();
                shard.BeginCopy(export);
                while (shard.ExportAhead(export, now))
                {
                }

                export.EndAhead();
                while (export.TryTakeAhead(isEnd: true, out byte[]? part))
                {
                    parts.Add(part);
                }

                written.Add(Stopwatch.GetElapsedTime(begun));
                done.SetResult();
            });
            await done.Task;
        }

        SnapshotCost cost = new(rounds);
        cost.Open(parts, binding, key);
        cost.Print(parts.Sum(part => (long)part.Length), MedianOfLater(written));
        return cost;
    }

    /// <summary>Reads back, and prints: in a process that holds as little else as a node to which they come.</summary>
    public async Task ReadBackAsync(LiveFederation federation)
    {
        ComponentShard shard = (await federation.Owner.FindShardAsync(LiveFederation.Component))!;
        List<TimeSpan> read = [];
        long allocated = 0;
        for (int round = 0; round < _rounds; round++)
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            long started = Stopwatch.GetTimestamp();
            shard.RestoreForMeasurement(_image);
            read.Add(Stopwatch.GetElapsedTime(started));
            allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        }

        int count = _image.Connections;
        double perSecond = count / (_decoded + MedianOfLater(read)).TotalSeconds;
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"  idle connection: {perSecond:0} read back per second and core; {allocated / count} bytes allocated to read one"));
        Bar.AtLeast("read back", perSecond, 20_000, "a second");
    }

    private void Open(List<byte[]> parts, SnapshotBinding binding, byte[] key)
    {
        byte[] plain = new byte[SealedPart.MaxPlain];
        long started = Stopwatch.GetTimestamp();
        using SnapshotOpener opener = new(binding, key);
        foreach (byte[] part in parts)
        {
            _ = opener.TryOpen(part, isLast: false, plain, out int length) ? true : throw new InvalidOperationException("a part does not open");
            _image.Apply(plain.AsSpan(0, length));
        }

        _decoded = Stopwatch.GetElapsedTime(started);
    }

    private static TimeSpan MedianOfLater(List<TimeSpan> rounds)
    {
        TimeSpan[] later = [.. rounds.Skip(rounds.Count / 2).Order()];
        return later[later.Length / 2];
    }

    private void Print(long bytes, TimeSpan written)
    {
        int count = _image.Connections;
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"  idle connection: {(double)bytes / count:0} bytes of the snapshot; {count / written.TotalSeconds:0} written per second and core"));
        Bar.AtMost("bytes of an idle connection", (double)bytes / count, 600, "bytes");
        Bar.AtLeast("written down", count / written.TotalSeconds, 20_000, "a second");
        SortedDictionary<ulong, (int Count, int Bytes)> sections = [];
        ConnectionImage connection = new();
        connection.Apply(_image.Sections(1)[0].Body);
        foreach ((SnapshotSection section, Instant _) in connection.Sections(MonotonicClock.Now))
        {
            (int n, int size) = sections.GetValueOrDefault(section.Number);
            sections[section.Number] = (n + 1, size + section.Body.Length);
        }

        Console.WriteLine($"    sections of one (number x count: bytes): {string.Join(", ", sections.Select(s => $"{s.Key} x {s.Value.Count}: {s.Value.Bytes}"))}");
    }
}
