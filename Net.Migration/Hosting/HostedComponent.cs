using System.Buffers;
using Net.Core.Connections;
using Net.Http3.Server;

namespace Net.Migration.Hosting;

/// <summary>A component that a node can host.</summary>
/// <param name="Name">First label of the server names it answers to.</param>
/// <param name="Handler">Answers its requests; several at a time. <see cref="IStatefulComponent"/> if it has state of its own that moves.</param>
public sealed record HostedComponent(string Name, IComponent Handler)
{
    /// <summary>Limits and times of its connections.</summary>
    internal ConnectionOptions Connections { get; init; } = ConnectionOptions.Default;

    /// <summary>
    /// Whether clients may send requests of safe methods in 0-RTT, which somebody may record and send again within seconds. Off by default. The
    /// record of what was accepted moves with the component; after a forced take-over nothing that was sent before it is accepted.
    /// </summary>
    public bool AllowEarlyData { get; init; }

    /// <summary>Told of each change of epoch while the node owns the component.</summary>
    public Action<ulong>? Serving { get; init; }

    /// <summary>Told of each client that has shaken hands with this node; not of those that came with a move.</summary>
    public Action? HandshakeCompleted { get; init; }

    internal void OnServing(ulong epoch) => Serving?.Invoke(epoch);

    internal void Save(IBufferWriter<byte> writer) => (Handler as IStatefulComponent)?.Save(writer);

    internal void Restore(ReadOnlyMemory<byte> state) => (Handler as IStatefulComponent)?.Restore(state);
}

/// <summary>A component whose own state moves with its connections, saved and cut at one instant.</summary>
public interface IStatefulComponent
{
    /// <summary>Writes the state down. No request is running then; called while frozen, so it must be quick.</summary>
    /// <param name="writer">Takes the bytes.</param>
    void Save(IBufferWriter<byte> writer);

    /// <summary>Takes the state over, before any request is served here.</summary>
    /// <param name="state">What <see cref="Save"/> wrote at the source. Hostile in principle: throw on what does not fit.</param>
    void Restore(ReadOnlyMemory<byte> state);
}
