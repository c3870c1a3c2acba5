using System.Buffers;
using Net.Core.Snapshots;
using Net.Core.Wire;
using Net.Http3.Server;
using Net.Migration.Directory;
using Net.Migration.Envelope;

namespace Net.Migration.Hosting;

/// <summary>The components of one aggregate behind one ownership record: each request goes to the one that its authority names.</summary>
/// <remarks>
/// <code>
/// state   count (varint) | count times: name (string) | state (bytes with their length)
/// </code>
/// Every component of the aggregate is in it, also one without state, so that two nodes with different aggregates of one name notice.
/// </remarks>
internal class AggregateHandler : IComponent, IStatefulComponent
{
    private readonly (string Name, IComponent Component)[] _components;

    private AggregateHandler((string Name, IComponent Component)[] components) => _components = components;

    /// <summary>Its requests can be resumed elsewhere, or stay behind, when those of all of its components can.</summary>
    public static AggregateHandler Of((string Name, IComponent Component)[] components) =>
        components.All(entry => entry.Component is IResumableComponent) ? new Resumable(components)
        : components.All(entry => entry.Component is ITetheredComponent or not (IStatefulComponent or IResumableComponent)) ? new Tethered(components)
        : new AggregateHandler(components);

    /// <summary>One of them has state of its own.</summary>
    public bool HasState => Array.Exists(_components, entry => entry.Component is IStatefulComponent);

    /// <summary>A name that is none of theirs came in by the aggregate's own name, or by an address: the first one answers.</summary>
    public ValueTask HandleAsync(Http3Exchange exchange, CancellationToken cancellationToken)
    {
        if (Names.TryLabel(exchange.Authority, out string? label))
        {
            foreach ((string name, IComponent component) in _components)
            {
                if (name == label)
                {
                    return component.HandleAsync(exchange, cancellationToken);
                }
            }
        }

        return _components[0].Component.HandleAsync(exchange, cancellationToken);
    }

    public void Save(IBufferWriter<byte> writer)
    {
        FieldWriter fields = new();
        fields.WriteVarInt((ulong)_components.Length);
        foreach ((string name, IComponent component) in _components)
        {
            ArrayBufferWriter<byte> state = new();
            (component as IStatefulComponent)?.Save(state);
            fields.WriteString(name);
            fields.WriteVarBytes(state.WrittenSpan);
        }

        writer.Write(fields.Written.Span);
        fields.Wipe();
    }

    public void Restore(ReadOnlyMemory<byte> state)
    {
        ByteReader reader = new(state.Span);
        if (!reader.TryReadVarInt(out ulong count) || count != (ulong)_components.Length)
        {
            throw new SnapshotException("the aggregate has other components at the source");
        }

        foreach ((string name, IComponent component) in _components)
        {
            if (!reader.TryReadString(Names.MaxLength, out string saved) || saved != name || !reader.TryReadVarInt(out ulong length)
                || !reader.TryReadBytes(length, out ReadOnlySpan<byte> bytes))
            {
                throw new SnapshotException("the aggregate has other components at the source");
            }

            (component as IStatefulComponent)?.Restore(bytes.ToArray());
        }

        if (!reader.IsEmpty)
        {
            throw new SnapshotException("bytes behind the state of an aggregate");
        }
    }

    private sealed class Tethered((string Name, IComponent Component)[] components) : AggregateHandler(components), ITetheredComponent;

    private sealed class Resumable((string Name, IComponent Component)[] components) : AggregateHandler(components), IResumableComponent;
}
