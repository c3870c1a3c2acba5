using System.Collections;
using Net.Core.Snapshots;

namespace Net.Http3.Messages;

/// <summary>Fields in the order in which they were sent.</summary>
public sealed class FieldSection : IReadOnlyList<Field>
{
    /// <summary>What RFC 9114, section 4.2.2 adds to the length of each name and value.</summary>
    private const int Overhead = 32;

    private readonly List<Field> _fields = [];

    /// <summary>An empty section.</summary>
    public FieldSection() { }

    /// <summary>A section of these fields.</summary>
    /// <param name="fields">In the order in which they are to be sent.</param>
    public FieldSection(params ReadOnlySpan<Field> fields)
    {
        foreach (Field field in fields)
        {
            Add(field.Name, field.Value);
        }
    }

    /// <inheritdoc/>
    public int Count => _fields.Count;

    /// <summary>Bytes as RFC 9114, section 4.2.2 counts them: name + value + 32 per field.</summary>
    public int Size { get; private set; }

    /// <inheritdoc/>
    public Field this[int index] => _fields[index];

    /// <summary>The first value of this name, or <c>null</c>.</summary>
    /// <param name="name">In lower case.</param>
    public string? this[string name] => Find(name, out _);

    /// <summary>Appends a field.</summary>
    /// <param name="name">In lower case; checked when the message is sent.</param>
    /// <param name="value">The value; checked when the message is sent.</param>
    public void Add(string name, string value)
    {
        ArgumentNullException.ThrowIfNull(name);
        ArgumentNullException.ThrowIfNull(value);
        _fields.Add(new(name, value));
        Size += SizeOf(name, value);
    }

    /// <inheritdoc/>
    public IEnumerator<Field> GetEnumerator() => _fields.GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    internal static int SizeOf(string name, string value) => name.Length + value.Length + Overhead;

    /// <summary>The first value of this name, and how many fields have it.</summary>
    internal string? Find(string name, out int count)
    {
        string? found = null;
        count = 0;
        foreach (Field field in _fields)
        {
            if (field.Name == name)
            {
                found ??= field.Value;
                count++;
            }
        }

        return found;
    }

    internal void Export(SnapshotWriter writer)
    {
        writer.WriteNumber((ulong)_fields.Count);
        foreach (Field field in _fields)
        {
            writer.WriteString(field.Name);
            writer.WriteString(field.Value);
        }
    }

    internal static FieldSection Import(SnapshotReader reader)
    {
        FieldSection section = new();
        for (int count = reader.ReadCount(); count > 0; count--)
        {
            section.Add(reader.ReadString(), reader.ReadString());
        }

        return section;
    }
}
