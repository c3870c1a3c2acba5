using System.Diagnostics.CodeAnalysis;
using Net.Core.Connections;
using Net.Core.Snapshots;
using Net.Core.Time;
using Net.Migration.Envelope;

namespace Net.Migration.Hosting;

/// <summary>One attempt's view of what was copied: numbers the connections, and turns exports into sealed parts.</summary>
/// <remarks>
/// Filled on the shard's thread, then sealed on the node's actor: never by both at a time. What a client has made too large does not make its component
/// immovable: it is not copied ahead, and at the end it stays behind alone.
/// </remarks>
/// <param name="limits">Of the whole.</param>
internal sealed class ComponentExport(SnapshotBinding binding, ReadOnlySpan<byte> key, ExportLimits limits) : IDisposable
{
    /// <summary>Key of the section that holds a connection as it was copied ahead.</summary>
    public const ulong AheadKey = 0;

    /// <summary>Key of the section that holds what has changed in it by the freeze.</summary>
    public const ulong FinalKey = 1;

    public ComponentExport(SnapshotBinding binding, ReadOnlySpan<byte> key) : this(binding, key, new()) { }

    private readonly SnapshotSealer _sealer = new(binding, key);
    private readonly ImageWriter _image = new();
    private readonly Dictionary<Connection, (ulong Index, ulong Since, int Plain)> _connections = [];
    private readonly SortedSet<ulong> _gone = [];
    private ulong _next = ImageStore.ComponentIndex + 1;
    private long _ahead, _final;

    /// <summary>The attempt is over. From any thread.</summary>
    public bool IsOver { get => Volatile.Read(ref field); private set => Volatile.Write(ref field, value); }

    public long SealedBytes => _sealer.SealedBytes;

    public SnapshotHash Hash => _sealer.Hash;

    public ulong Since(Connection connection) => _connections.TryGetValue(connection, out (ulong, ulong Since, int) entry) ? entry.Since : 0;

    public void OnAhead(Connection connection, ulong version, SnapshotWriter writer)
    {
        if (!TryTakeRoom(writer, 0, ref _ahead, out int plain))
        {
            writer.Wipe();
            return;
        }

        ulong index = _next++;
        _connections[connection] = (index, version, plain);
        _image.Set(index, SectionNumber.Connection, AheadKey, writer.Written.Span);
        writer.Wipe();
    }

    /// <returns>False: it is too large, and stays behind.</returns>
    public bool OnFinal(Connection connection, SnapshotWriter writer)
    {
        bool isKnown = _connections.TryGetValue(connection, out (ulong Index, ulong, int Plain) entry);
        if (!TryTakeRoom(writer, entry.Plain, ref _final, out _))
        {
            OnGone(connection);
            writer.Wipe();
            return false;
        }

        ulong index = isKnown ? entry.Index : _next++;
        _image.Set(index, SectionNumber.Connection, FinalKey, writer.Written.Span);
        writer.Wipe();
        return true;
    }

    /// <summary>It has ended, or stays behind: a copy of it that went ahead is taken back.</summary>
    public void OnGone(Connection connection)
    {
        if (_connections.TryGetValue(connection, out (ulong Index, ulong, int) entry))
        {
            _gone.Add(entry.Index);
        }
    }

    /// <summary>When everything stood still: what was copied before is older by then.</summary>
    public void OnFrozenAt(Instant now)
    {
        SnapshotWriter writer = new(now);
        writer.WriteSigned(now.Ticks);
        _image.Set(ImageStore.ComponentIndex, SectionNumber.Component, 0, writer.Written.Span);
    }

    /// <summary>Reads what <see cref="OnFrozenAt"/> wrote: a time of the source's clock.</summary>
    /// <exception cref="SnapshotException">Malformed.</exception>
    public static long ReadFrozenAt(ReadOnlyMemory<byte> body)
    {
        SnapshotReader reader = new(body, default);
        long ticks = reader.ReadSigned();
        reader.End();
        return ticks;
    }

    public void OnComponentState(ReadOnlySpan<byte> state) => _image.Set(ImageStore.ComponentIndex, SectionNumber.ComponentState, 0, state);

    /// <summary>Checkpoints do not change: they go ahead.</summary>
    public void OnCheckpoint(ulong number, SnapshotWriter writer) => _image.Set(ImageStore.ComponentIndex, SectionNumber.Checkpoint, number, writer.Written.Span);

    public void OnEarlyData(ReadOnlySpan<byte> ledger) => _image.Set(ImageStore.ComponentIndex, SectionNumber.EarlyDataLedger, 0, ledger);

    /// <summary>The copy is complete.</summary>
    public void EndAhead() => _image.EndVersion(0);

    /// <summary>A sealed part of the copy that is full by now, or at its end of the rest.</summary>
    public bool TryTakeAhead(bool isEnd, [NotNullWhen(true)] out byte[]? part)
    {
        part = _image.TryTakePart(isEnd, out byte[]? plain) ? Seal(plain, isLast: false) : null;
        return part is not null;
    }

    /// <summary>What has changed is complete.</summary>
    public void EndFinal()
    {
        foreach (ulong index in _gone)
        {
            _image.RemoveConnection(index);
        }

        _image.EndVersion(1);
    }

    /// <summary>The next sealed part of what has changed. There is one.</summary>
    /// <param name="isLast">There is none behind it.</param>
    public byte[] TakeFinal(out bool isLast)
    {
        if (!_image.TryTakePart(isEnd: true, out byte[]? plain))
        {
            throw new InvalidOperationException("the last part was taken");
        }

        isLast = _image.Pending == 0;
        return Seal(plain, isLast);
    }

    public void Dispose()
    {
        IsOver = true;
        _sealer.Dispose();
        _image.Wipe();
    }

    /// <param name="before">Unpacked bytes of the same connection that are there already.</param>
    /// <param name="taken">Bytes of this phase so far: a copy ahead has left when the freeze begins, so neither phase takes the other's room.</param>
    /// <param name="plain">How many it has.</param>
    private bool TryTakeRoom(SnapshotWriter writer, int before, ref long taken, out int plain)
    {
        plain = ConnectionImage.ReadLength(writer.Written);
        bool fits = writer.Length <= ImageStore.MaxSection && plain <= limits.MaxConnectionBytes - before && writer.Length <= limits.MaxBytes - taken;
        taken += fits ? writer.Length : 0;
        return fits;
    }

    private byte[] Seal(byte[] part, bool isLast)
    {
        try
        {
            return _sealer.Seal(part, isLast);
        }
        finally
        {
            _image.Return(part);
        }
    }
}
