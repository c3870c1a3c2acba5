using Net.Migration.Envelope;

namespace Net.Migration.Link;

/// <summary>A message of a node link or a control link: a value, written as one record (<see cref="LinkCodec"/>).</summary>
internal abstract record LinkMessage
{
    public abstract MessageType Type { get; }

    /// <summary>Bytes that the type and what follows it take, about: what is longer costs a copy.</summary>
    public virtual int Capacity => 256;

    /// <summary>Writes what follows the type.</summary>
    public abstract void WriteBody(FieldWriter writer);
}
