using Net.Core.Recovery;
using Net.Core.Snapshots;
using Net.Core.Wire;

namespace Net.Core.Paths;

/// <summary>PATH_RESPONSE frames that are owed, each to the address that asked, and one PATH_CHALLENGE to an address that was left.</summary>
/// <remarks>A piece of <see cref="PathState"/>, whose section holds it.</remarks>
internal sealed class PathProbes
{
    /// <summary>A flood of challenges is answered for its newest ones only (checklist S11, S19).</summary>
    public const int MaxResponses = 4;

    private readonly Response[] _responses = new Response[MaxResponses];
    private int _count;
    private NetworkPath? _challengePath;
    private ulong _challenge;

    private readonly record struct Response(NetworkPath Path, ulong Data, ulong Allowance);

    public void Respond(NetworkPath path, ulong data, ulong allowance)
    {
        if (_count == MaxResponses)
        {
            RemoveAt(0);
        }

        _responses[_count++] = new(path, data, allowance);
    }

    public void Challenge(NetworkPath path, ulong data)
    {
        _challengePath = path;
        _challenge = data;
    }

    public bool HasResponse(NetworkPath current) => Find(current) >= 0;

    public bool TryPeekResponse(NetworkPath current, out ulong data)
    {
        int index = Find(current);
        data = index >= 0 ? _responses[index].Data : 0;
        return index >= 0;
    }

    public void OnResponseWritten(NetworkPath current) => RemoveAt(Find(current));

    public bool TryPeekElsewhere(NetworkPath current, out NetworkPath path, out int allowance)
    {
        int index = FindElsewhere(current);
        if (index >= 0)
        {
            path = _responses[index].Path;
            allowance = (int)ulong.Min(_responses[index].Allowance, PathMtu.Base);
            return true;
        }

        path = _challengePath ?? default;
        allowance = PathMtu.Base;
        return _challengePath is NetworkPath left && left.Remote != current.Remote;
    }

    public void WriteElsewhere(NetworkPath current, ref PacketBuilder builder)
    {
        int index = FindElsewhere(current);
        if (index >= 0)
        {
            ulong data = _responses[index].Data;
            builder.TryWrite(new PathResponseFrame(data), new(SentFrameKind.PathResponse, Offset: data));
            RemoveAt(index);
            return;
        }

        builder.TryWrite(new PathChallengeFrame(_challenge), new(SentFrameKind.PathChallenge, Offset: _challenge));
        _challengePath = null;
        _challenge = 0;
    }

    public void Export(SnapshotWriter writer)
    {
        writer.WriteNumber((ulong)_count);
        foreach (Response response in _responses.AsSpan(0, _count))
        {
            PathState.WritePath(writer, response.Path);
            writer.WriteNumber(response.Data);
            writer.WriteNumber(response.Allowance);
        }

        writer.WriteBool(_challengePath.HasValue);
        if (_challengePath is NetworkPath path)
        {
            PathState.WritePath(writer, path);
            writer.WriteNumber(_challenge);
        }
    }

    public static PathProbes Import(SnapshotReader reader)
    {
        PathProbes probes = new() { _count = (int)reader.ReadNumber(MaxResponses) };
        for (int i = 0; i < probes._count; i++)
        {
            probes._responses[i] = new(PathState.ReadPath(reader), reader.ReadNumber(), reader.ReadNumber(VarInt.MaxValue));
        }

        if (reader.ReadBool())
        {
            probes._challengePath = PathState.ReadPath(reader);
            probes._challenge = reader.ReadNumber();
        }

        return probes;
    }

    // The same peer behind another of our routers is the same path: the answer goes by the one in use.
    private int Find(NetworkPath current)
    {
        for (int i = 0; i < _count; i++)
        {
            if (_responses[i].Path.Remote == current.Remote)
            {
                return i;
            }
        }

        return -1;
    }

    private int FindElsewhere(NetworkPath current)
    {
        for (int i = 0; i < _count; i++)
        {
            if (_responses[i].Path.Remote != current.Remote)
            {
                return i;
            }
        }

        return -1;
    }

    private void RemoveAt(int index)
    {
        _responses.AsSpan(index + 1, _count - index - 1).CopyTo(_responses.AsSpan(index));
        _responses[--_count] = default;
    }
}
