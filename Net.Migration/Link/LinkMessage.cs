using Net.Migration.Envelope;

namespace Net.Migration.Link;

/// <summary>A message of a node link or a control link: a value, written as one record (<see cref="LinkCodec"/>).</summary>
internal abstract record LinkMessage
{
    public abstract MessageType Type { get; }

    /// <summary>Writes what follows the type.</summary>
    public abstract void WriteBody(FieldWriter writer);
}
