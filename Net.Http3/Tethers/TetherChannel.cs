using System.Diagnostics.CodeAnalysis;
using Net.Core.Snapshots;
using Net.Http3.Qpack;

namespace Net.Http3.Tethers;

/// <summary>One end of two streams of bytes that outlive the link that carries them: each byte has an offset, and is kept until the other end has it.</summary>
/// <remarks>
/// <code>
/// detached --Attach--> asking --OnAttach--> attached      the owner's end
/// detached ----------OnAttach-------------> attached      the source's end, which answers
/// </code>
/// In: what the other end said, bytes to send, bytes consumed. Out: messages, one after the other (<see cref="TryTake"/>). A message that does not
/// fit is the other end's fault, and ends the tether: the methods say <c>false</c>.
/// </remarks>
internal sealed class TetherChannel
{
    /// <summary>Sums of offsets and windows stay below what a variable-length integer holds.</summary>
    private const ulong MaxOffset = 1UL << 60;

    private ByteBacklog _out = new();
    private ByteBacklog _in = new();
    private ulong _acknowledged;
    private ulong _received;
    private bool _isEnding;

    // Of the present attachment alone: the next one begins with both ends' positions.
    private bool _isAttached;
    private bool _mustAttach;
    private bool _mustAcknowledge;
    private ulong _sent;
    private ulong _limit;
    private ulong _told;
    private int _wanted;

    /// <summary>Bytes of each direction that this end holds: its part of a budget, which does not travel.</summary>
    public int Window { get; set; } = TetherLimits.Window;

    /// <summary>Grows with every change of what travels.</summary>
    public ulong Changes { get; private set; }

    /// <summary>Both ends know where the other stands.</summary>
    public bool IsAttached => _isAttached;

    /// <summary>Bytes that may be queued before the queue is full; a section may exceed it once.</summary>
    public int Room => int.Max(0, Window - _out.Count);

    /// <summary>Bytes of both directions.</summary>
    public int Held => _out.Count + _in.Count;

    /// <summary>The other end has all that was queued.</summary>
    public bool IsAcknowledged => _out.Count == 0;

    /// <summary>All that the other end will ever send has come.</summary>
    public bool HasAll { get; private set; }

    /// <summary>Bytes that have come and were not consumed; valid until the next call.</summary>
    public ReadOnlySpan<byte> Received => _in.Waiting;

    /// <summary>Never less than was told: what that permits may be on its way.</summary>
    private ulong Limit => ulong.Max(_told, _received - (ulong)_in.Count + (ulong)int.Max(Window, _wanted));

    public void Queue(ReadOnlySpan<byte> bytes)
    {
        _out.Append(bytes);
        Changes++;
    }

    /// <summary>What is queued next is the last. Told by the source's end alone, so it does not travel.</summary>
    public void BeginEnd() => _isEnding = true;

    /// <summary>So many bytes have to be here at once, or nothing more can be consumed: at most <see cref="TetherLimits.Window"/>.</summary>
    public void Want(int count)
    {
        _mustAcknowledge |= count > int.Max(Window, _wanted);
        _wanted = int.Max(_wanted, count);
    }

    public void Consume(int count)
    {
        _in.Take(count);
        _wanted = 0;
        Changes++;
    }

    /// <summary>There is a link: the other end is told where this one stands, and asked.</summary>
    public void Attach() => (_isAttached, _mustAttach) = (false, true);

    /// <summary>The link is lost, or this end stands still.</summary>
    public void Detach() => (_isAttached, _mustAttach) = (false, false);

    /// <summary>The other end's position, as the first word of an attachment.</summary>
    /// <param name="mustAnswer">It has asked.</param>
    public bool OnAttach(ulong received, ulong limit, bool mustAnswer)
    {
        if (!TryAcknowledge(received, _acknowledged + (ulong)_out.Count) || !IsPermitted(limit))
        {
            return false;
        }

        (_sent, _limit) = (received, limit);
        (_isAttached, _mustAttach, _mustAcknowledge) = (true, mustAnswer, false);
        return true;
    }

    public bool OnAck(ulong received, ulong limit)
    {
        if (!_isAttached)
        {
            // Said before the other end knew that the attachment is a new one: what counts is its answer.
            return true;
        }

        if (!TryAcknowledge(received, _sent) || !IsPermitted(limit))
        {
            return false;
        }

        _limit = ulong.Max(_limit, limit);
        return true;
    }

    public bool OnData(ulong offset, ReadOnlySpan<byte> bytes, bool isLast)
    {
        if (!_isAttached)
        {
            // As above: it comes again.
            return true;
        }

        bool isBeyond = HasAll && offset + (ulong)bytes.Length > _received;
        if (offset > _received || bytes.Length > TetherLimits.MaxChunk || isBeyond || (isLast && offset + (ulong)bytes.Length < _received))
        {
            return false;
        }

        _mustAcknowledge = true;
        ulong known = _received - offset;
        if (known >= (ulong)bytes.Length)
        {
            HasAll |= isLast;
            return true;
        }

        bytes = bytes[(int)known..];
        if (_received + (ulong)bytes.Length > Limit)
        {
            return false;
        }

        _in.Append(bytes);
        _received += (ulong)bytes.Length;
        HasAll = isLast;
        Changes++;
        return true;
    }

    /// <summary>The next message, if there is one that may be sent now.</summary>
    public bool TryTake(ulong number, [NotNullWhen(true)] out TetherMessage? message)
    {
        message = null;
        if (_mustAttach)
        {
            _told = 0;
            (_mustAttach, _mustAcknowledge, _told) = (false, false, Limit);
            message = new TetherAttach(number, _received, _told);
        }
        else if (_isAttached && (_mustAcknowledge || Limit - _told >= (ulong)Window / 4))
        {
            (_mustAcknowledge, _told) = (false, Limit);
            message = new TetherAck(number, _received, _told);
        }
        else if (_isAttached)
        {
            ulong end = ulong.Min(_acknowledged + (ulong)_out.Count, _limit);
            if (_sent < end)
            {
                int count = (int)ulong.Min(end - _sent, TetherLimits.MaxChunk);
                byte[] bytes = _out.Waiting.Slice((int)(_sent - _acknowledged), count).ToArray();
                _sent += (ulong)count;
                message = new TetherData(number, _sent - (ulong)count, bytes, _isEnding && _sent == _acknowledged + (ulong)_out.Count);
            }
        }

        return message is not null;
    }

    public void Export(SnapshotWriter writer)
    {
        writer.WriteNumber(_acknowledged);
        _out.Export(writer);
        writer.WriteNumber(_received);
        _in.Export(writer);
        writer.WriteBool(HasAll);
    }

    /// <exception cref="SnapshotException">More waits than ever could.</exception>
    public static TetherChannel Import(SnapshotReader reader)
    {
        TetherChannel channel = new()
        {
            _acknowledged = reader.ReadNumber(MaxOffset),
            _out = ByteBacklog.Import(reader, TetherLimits.MaxUnacknowledged),
            _received = reader.ReadNumber(MaxOffset),
            _in = ByteBacklog.Import(reader, TetherLimits.Window),
            HasAll = reader.ReadBool(),
        };
        return (ulong)channel._in.Count <= channel._received ? channel : throw new SnapshotException("a tether holds more than it has received");
    }

    private bool TryAcknowledge(ulong received, ulong sent)
    {
        if (received < _acknowledged || received > sent)
        {
            return false;
        }

        if (received > _acknowledged)
        {
            _out.Take((int)(received - _acknowledged));
            _acknowledged = received;
            Changes++;
        }

        return true;
    }

    /// <summary>Nobody takes more than a window beyond what he has.</summary>
    private bool IsPermitted(ulong limit) => limit - _acknowledged <= TetherLimits.Window || limit < _acknowledged;
}
