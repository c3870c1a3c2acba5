using Net.Core.Wire;
using Net.Migration.Envelope;

namespace Net.Migration.Directory;

/// <summary>Who owns a component with all its connections: the one fact that the safety of packet numbers hangs on.</summary>
/// <param name="Component">First label of the server names it answers to.</param>
/// <param name="Owner">The only member that may send 1-RTT packets for it.</param>
/// <param name="Standby">Who could take over at once; nobody until the replicated mode exists.</param>
/// <param name="Epoch">1 for a new record; every change of any kind adds exactly 1. Each is used by one hand-over attempt.</param>
/// <param name="Shard">Logical shard in all its connection IDs; at least 1, never changes, never given to another component.</param>
/// <param name="SnapshotHash">What a planned move restored; none for a record that came to be in another way.</param>
internal sealed record OwnershipRecord(string Component, Member Owner, Member Standby, ulong Epoch, uint Shard, SnapshotHash SnapshotHash)
{
    public void Write(FieldWriter writer)
    {
        writer.WriteString(Component);
        Owner.Write(writer);
        Standby.Write(writer);
        writer.WriteUInt64(Epoch);
        writer.WriteUInt32(Shard);
        writer.WriteBytes(SnapshotHash.Span);
    }

    public static bool TryRead(ref ByteReader reader, out OwnershipRecord? record)
    {
        record = null;
        if (!Names.TryRead(ref reader, out string component)
            || !Member.TryRead(ref reader, out Member owner)
            || !Member.TryReadOrNone(ref reader, out Member standby)
            || !reader.TryReadUInt64(out ulong epoch)
            || !reader.TryReadUInt32(out uint shard)
            || !reader.TryReadBytes(SnapshotHash.Length, out ReadOnlySpan<byte> hash)
            || epoch == 0 || shard == 0)
        {
            return false;
        }

        record = new(component, owner, standby, epoch, shard, new(hash));
        return true;
    }
}
