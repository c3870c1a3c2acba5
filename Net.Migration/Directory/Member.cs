using Net.Core.Wire;
using Net.Migration.Envelope;

namespace Net.Migration.Directory;

/// <summary>One life of a node: its name, and a random number that its process drew when it started.</summary>
/// <param name="Name">What people call it: <see cref="Names"/>.</param>
/// <param name="Incarnation">Never 0 for a real member. A process that comes back under its old name is somebody else, and owns nothing
/// of what its former life owned: its connections died with that process, and a late write of that process must not count as its own.</param>
internal readonly record struct Member(string Name, ulong Incarnation)
{
    public static Member None => new("", 0);

    public bool IsNone => string.IsNullOrEmpty(Name);

    public void Write(FieldWriter writer)
    {
        writer.WriteString(Name);
        writer.WriteUInt64(Incarnation);
    }

    /// <summary>A real member: a valid name and an incarnation.</summary>
    public static bool TryRead(ref ByteReader reader, out Member member)
    {
        bool sound = TryReadOrNone(ref reader, out member) && !member.IsNone;
        return sound;
    }

    public static bool TryReadOrNone(ref ByteReader reader, out Member member)
    {
        bool complete = reader.TryReadString(Names.MaxLength, out string name) & reader.TryReadUInt64(out ulong incarnation);
        member = complete ? new(name, incarnation) : None;
        return complete && (name.Length == 0 ? incarnation == 0 : incarnation != 0 && Names.IsValid(name));
    }

    public override string ToString() => Name;
}
