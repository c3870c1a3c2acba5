namespace Net.Http3.Messages;

/// <summary>A header or trailer field: a lower-case name and its value.</summary>
/// <param name="Name">Lower-case token (RFC 9114, section 4.2).</param>
/// <param name="Value">Bytes 0x20-0x7E, 0x80-0xFF and tab, one per character, without white space at either end.</param>
public readonly record struct Field(string Name, string Value)
{
    /// <summary>So that a list of fields reads like one: <c>("content-type", "text/plain")</c>.</summary>
    /// <param name="field">Name and value.</param>
    public static implicit operator Field((string Name, string Value) field) => new(field.Name, field.Value);

    /// <inheritdoc cref="op_Implicit"/>
    public static Field FromValueTuple((string Name, string Value) field) => field;
}
