using Net.Core.Snapshots;
using Net.Http3.Messages;

namespace Net.Http3.Qpack;

/// <summary>What an encoder remembers of the fields that it has sent: how likely each is to come again.</summary>
/// <remarks>
/// A field's score halves with every <see cref="HalfLife"/> sections, and a new sighting adds 1. The first sighting adds as much as
/// values of this name have come again so far. Both tables are of a fixed size and hold hashes alone: a collision costs bytes on the
/// wire, never correctness.
/// </remarks>
internal sealed class FieldHistory
{
    /// <summary>The score of one sighting.</summary>
    public const int Unit = 64;

    private const int Fields = 1024, Names = 64, Ways = 4, HalfLife = 16, PriorWeight = 2;

    private readonly Seen[] _fields = new Seen[Fields];
    private readonly NameSeen[] _names = new NameSeen[Names];
    private uint _section;

    public bool IsEmpty => _section == 0;

    public static uint Hash(string text, uint seed = 2166136261)
    {
        // FNV-1a: the same in every process, as the state travels.
        foreach (char c in text)
        {
            seed = (seed ^ c) * 16777619;
        }

        return seed;
    }

    public static uint Hash(Field field) => Hash(field.Value, (Hash(field.Name) ^ 0x100) * 16777619) | 1;

    /// <summary>Another section begins.</summary>
    public void Advance() => _section++;

    /// <summary>Takes note of a field, and gives its score.</summary>
    /// <param name="field">The field.</param>
    /// <param name="hash">Its hash.</param>
    public int Observe(Field field, uint hash)
    {
        uint nameHash = Hash(field.Name) | 1;
        ref NameSeen name = ref _names[(nameHash >> 8) % Names];
        if (name.Hash != nameHash)
        {
            name = new() { Hash = nameHash };
        }

        Span<Seen> set = _fields.AsSpan((int)((hash >> 8) % (Fields / Ways)) * Ways, Ways);
        int weakest = 0;
        for (int i = 0; i < Ways; i++)
        {
            if (set[i].Hash == hash)
            {
                Count(ref name, again: set[i].Last != _section);
                set[i] = new() { Hash = hash, Score = (ushort)int.Min(ushort.MaxValue, Decayed(set[i]) + Unit), Last = _section };
                return set[i].Score;
            }

            weakest = Decayed(set[i]) < Decayed(set[weakest]) ? i : weakest;
        }

        int first = Unit * ((8 * name.Again) + (PriorWeight * Prior(field))) / (8 * (name.Count + PriorWeight));
        Count(ref name, again: false);
        set[weakest] = new() { Hash = hash, Score = (ushort)first, Last = _section };
        return first;
    }

    /// <summary>The score of a field that is in the table; 0 when it was forgotten.</summary>
    public int Score(uint hash)
    {
        foreach (ref readonly Seen seen in _fields.AsSpan((int)((hash >> 8) % (Fields / Ways)) * Ways, Ways))
        {
            if (seen.Hash == hash)
            {
                return Decayed(seen);
            }
        }

        return 0;
    }

    public void Export(SnapshotWriter writer)
    {
        writer.WriteNumber(_section);
        for (int i = 0; i < Fields; i++)
        {
            if (_fields[i].Hash != 0 && Decayed(_fields[i]) > 0)
            {
                writer.WriteNumber((ulong)i + 1);
                writer.WriteNumber(_fields[i].Hash);
                writer.WriteNumber(_fields[i].Score);
                writer.WriteNumber(_section - _fields[i].Last);
            }
        }

        writer.WriteNumber(0);
        for (int i = 0; i < Names; i++)
        {
            if (_names[i].Hash != 0)
            {
                writer.WriteNumber((ulong)i + 1);
                writer.WriteNumber(_names[i].Hash);
                writer.WriteNumber(_names[i].Count);
                writer.WriteNumber(_names[i].Again);
            }
        }

        writer.WriteNumber(0);
    }

    public static FieldHistory Import(SnapshotReader reader)
    {
        FieldHistory history = new() { _section = (uint)reader.ReadNumber(uint.MaxValue) };
        for (ulong i = reader.ReadNumber(Fields); i != 0; i = reader.ReadNumber(Fields))
        {
            history._fields[i - 1] = new()
            {
                Hash = (uint)reader.ReadNumber(uint.MaxValue),
                Score = (ushort)reader.ReadNumber(ushort.MaxValue),
                Last = history._section - (uint)reader.ReadNumber(uint.MaxValue),
            };
        }

        for (ulong i = reader.ReadNumber(Names); i != 0; i = reader.ReadNumber(Names))
        {
            history._names[i - 1] = new()
            {
                Hash = (uint)reader.ReadNumber(uint.MaxValue),
                Count = (byte)reader.ReadNumber(byte.MaxValue),
                Again = (byte)reader.ReadNumber(byte.MaxValue),
            };
        }

        return history;
    }

    /// <summary>How likely a field comes again, in eighths, while nothing else is known of its name on this connection.</summary>
    /// <remarks>
    /// Found by a search over public header sets, and plausible: a client's own properties stay, validators and lengths belong to one
    /// resource, and a value that looks random is an identifier of something that happens once.
    /// </remarks>
    private static int Prior(Field field) => field.Name switch
    {
        "user-agent" or "accept-language" or "server" => 8,
        ":path" or "age" or "content-length" or "etag" or "if-modified-since" or "if-none-match" or "location" or "content-range" or "range" => 0,
        "date" or "expires" => 1,
        ":authority" or "referer" or "last-modified" => 4,
        "cookie" => 5,
        // Text is asked for by navigation, once a page; what follows asks for its parts.
        "accept" => field.Value.StartsWith("text/", StringComparison.Ordinal) ? 1 : 6,
        _ when field.Value.Length == 0 => 8,
        _ => LooksRandom(field.Value) ? 0 : 6,
    };

    private static bool LooksRandom(string value) => value.Length >= 16 && !value.AsSpan().ContainsAny(' ', ',', ';')
        && value.AsSpan().ContainsAnyInRange('0', '9') && value.AsSpan().ContainsAnyInRange('A', 'Z') && value.AsSpan().ContainsAnyInRange('a', 'z');

    private static void Count(ref NameSeen name, bool again)
    {
        if (name.Count == byte.MaxValue)
        {
            (name.Count, name.Again) = ((byte)(name.Count / 2), (byte)(name.Again / 2));
        }

        name.Count++;
        name.Again += again ? (byte)1 : (byte)0;
    }

    private int Decayed(in Seen seen) => seen.Score >> (int)uint.Min(31, (_section - seen.Last) / HalfLife);

    private struct Seen
    {
        public uint Hash, Last;
        public ushort Score;
    }

    private struct NameSeen
    {
        public uint Hash;
        public byte Count, Again;
    }
}
