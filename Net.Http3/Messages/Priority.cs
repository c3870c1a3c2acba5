using Net.Core.Snapshots;

namespace Net.Http3.Messages;

/// <summary>How much a response matters beside others of its connection (RFC 9218, section 4).</summary>
/// <param name="Urgency">0 (first) to 7 (last).</param>
/// <param name="Incremental">Responses of one urgency take turns, instead of one after the other.</param>
internal readonly record struct Priority(int Urgency, bool Incremental)
{
    /// <summary>What holds where nothing is said.</summary>
    public static Priority Default => new(3, false);

    /// <summary>Reads a priority field: <c>u=0..7</c> and <c>i</c>; anything else is ignored.</summary>
    /// <param name="field">Its value, or <c>null</c>.</param>
    /// <param name="otherwise">What holds for what the field does not say: the defaults in a request, the request's in a response (section 8).</param>
    public static Priority Parse(string? field, Priority otherwise)
    {
        (int urgency, bool incremental) = otherwise;
        foreach (Range range in (field ?? "").AsSpan().Split(','))
        {
            ReadOnlySpan<char> item = field.AsSpan()[range].Trim(' ');
            // Parameters of a member, behind a semicolon, mean nothing here.
            item = item.IndexOf(';') is int end and >= 0 ? item[..end].TrimEnd(' ') : item;
            incremental = item is "i" or "i=?1" || (incremental && item is not "i=?0");
            urgency = item is ['u', '=', >= '0' and <= '7'] ? item[2] - '0' : urgency;
        }

        return new(urgency, incremental);
    }

    /// <summary>The shortest field that says this: empty for the defaults.</summary>
    public override string ToString() => (Urgency, Incremental) switch
    {
        (3, false) => "",
        (3, true) => "i",
        (int urgency, false) => $"u={urgency}",
        (int urgency, true) => $"u={urgency}, i",
    };

    public void Export(SnapshotWriter writer) => writer.WriteNumber((ulong)((Urgency << 1) | (Incremental ? 1 : 0)));

    public static Priority Import(SnapshotReader reader)
    {
        int value = (int)reader.ReadNumber(15);
        return new(value >> 1, (value & 1) != 0);
    }
}
