namespace Net.Http3.Messages;

/// <summary>The priority field of RFC 9218, section 4.</summary>
internal static class Priority
{
    /// <summary>Reads <c>u=0..7</c> (first to last; 3 unless given) and <c>i</c> (take turns); anything else is ignored.</summary>
    public static (int Urgency, bool Incremental) Parse(string? field)
    {
        (int urgency, bool incremental) = (3, false);
        foreach (Range range in (field ?? "").AsSpan().Split(','))
        {
            ReadOnlySpan<char> item = field.AsSpan()[range].Trim(' ');
            incremental = item is "i" or "i=?1" || (incremental && item is not "i=?0");
            urgency = item is ['u', '=', >= '0' and <= '7'] ? item[2] - '0' : urgency;
        }

        return (urgency, incremental);
    }
}
