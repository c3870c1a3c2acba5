using System.Buffers;
using System.Reflection;
using Net.Core.Connections;
using Net.Http3.Qpack;
using Net.Http3.Server;
using Net.Migration.Directory;

namespace Net.Migration.Hosting;

/// <summary>What a node can host under one ownership record: a component, or all components of an aggregate.</summary>
/// <param name="Name">Of the record; of a component alone also the first label of the server names it answers to.</param>
/// <param name="Handler">Answers its requests; several at a time. <see cref="IStatefulComponent"/> if it has state of its own that moves.</param>
/// <remarks>
/// <para>The contract between a host and a component is four things: a <b>name</b>, how to <b>handle an exchange</b>
/// (<see cref="IComponent.HandleAsync"/>), and, for what has state, how to <b>save</b> and <b>restore</b> it
/// (<see cref="IStatefulComponent"/>). State is saved, and connections are cut, at one instant: nothing of the component runs then.</para>
/// <para>Each hosted component has a thread and a socket of its own: those of one node neither wait for nor see each other. Everything that is not a handler
/// (<see cref="IStatefulComponent"/>, <see cref="Serving"/>, <see cref="HandshakeCompleted"/>) is called on that thread, which is not the node's. So one that waits
/// keeps its own component's clients waiting, and a move that needs it, until that has had its time; its node goes on, with all of its other components.</para>
/// </remarks>
public sealed record HostedComponent(string Name, IComponent Handler)
{
    /// <summary>First labels of server names that it answers to, beside <see cref="Name"/>: the components of an aggregate.</summary>
    public IReadOnlyList<string> Names { get; init; } = [];

    /// <summary>What becomes of its running requests when it moves. <see cref="ComponentAttribute.Running"/> says it in the component's code.</summary>
    public RunningRequests Running
    {
        get => field != RunningRequests.Default ? field
            : Handler is IResumableComponent ? RunningRequests.Resume
            : Handler is ITetheredComponent or not IStatefulComponent ? RunningRequests.Tether
            : RunningRequests.Drain;
        init;
    }

    /// <summary>
    /// How long a request may go on that has stayed behind when the component moved: then it is reset with H3_INTERNAL_ERROR. 10 minutes by default.
    /// A node that leaves waits for its requests as long.
    /// </summary>
    public TimeSpan TetherDeadline { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>Checkpoints that are kept, 8 by default, 64 at most: one more, and the oldest is forgotten. 0: none can be made. They travel with the component.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Below 0 or above 64.</exception>
    public int MaxCheckpoints
    {
        get;
        init => field = value is >= 0 and <= CheckpointStore.MostKept ? value : throw new ArgumentOutOfRangeException(nameof(value), value, "0 to 64");
    } = 8;

    /// <summary>
    /// Bytes of all checkpoints together, 32 MiB by default: the oldest are forgotten until there is room. One alone takes at most 16 MiB.
    /// </summary>
    public long MaxCheckpointBytes { get; init; } = 32L << 20;

    /// <summary>Limits and times of its connections.</summary>
    internal ConnectionOptions Connections { get; init; } = ConnectionOptions.Default;

    /// <summary>
    /// Whether clients may send requests of safe methods in 0-RTT, which somebody may record and send again within seconds. Off by default. The
    /// record of what was accepted moves with the component; after a forced take-over nothing that was sent before it is accepted.
    /// </summary>
    public bool AllowEarlyData { get; init; }

    /// <summary>
    /// Header compression: how much memory clients may use for it, and how much of theirs is used. A connection that comes from another node keeps what
    /// it began with.
    /// </summary>
    public QpackOptions Qpack { get; init; } = new();

    /// <summary>
    /// Told of each change of epoch while the node owns the component, on the component's thread, before any request is handled under it: clients wait until it returns,
    /// those of other components do not. It is no place to refuse: the component is this node's already. What it throws goes to the node's log.
    /// </summary>
    public Action<ulong>? Serving { get; init; }

    /// <summary>
    /// Told of each client that has shaken hands with this node; not of those that came with a move. On the component's thread: its clients wait until it returns. What it
    /// throws goes to the node's log.
    /// </summary>
    public Action? HandshakeCompleted { get; init; }

    /// <summary>As <see cref="Serving"/>, before it, for hosts of ours: on whichever thread, so it must not wait, and must not throw.</summary>
    internal Action<ulong>? Served { get; init; }

    /// <summary>Reads <see cref="ComponentAttribute"/> and <see cref="AggregateAttribute"/>; components of one aggregate become one.</summary>
    /// <exception cref="ArgumentException">A component has no name or a wrong one, two have the same, or those of an aggregate disagree on their connections.</exception>
    public static IReadOnlyList<HostedComponent> Of(params IReadOnlyList<IComponent> components)
    {
        ArgumentNullException.ThrowIfNull(components);
        List<HostedComponent> hosted = [];
        foreach (IGrouping<string, (ComponentAttribute Settings, IComponent Component)> group in components
            .Select(component => (SettingsOf(component), component))
            .GroupBy(entry => entry.component.GetType().GetCustomAttribute<AggregateAttribute>()?.Name ?? entry.Item1.Name, StringComparer.Ordinal))
        {
            (ComponentAttribute Settings, IComponent Component)[] members = [.. group];
            ComponentAttribute settings = members[0].Settings;
            if (members.Any(member => member.Settings.IdleTimeoutSeconds != settings.IdleTimeoutSeconds
                || member.Settings.MaxRequestsPerConnection != settings.MaxRequestsPerConnection || member.Settings.Running != settings.Running
                || member.Settings.TetherDeadlineSeconds != settings.TetherDeadlineSeconds))
            {
                throw new ArgumentException($"the components of {group.Key} share connections, but their settings differ", nameof(components));
            }

            bool isAlone = members.Length == 1 && settings.Name == group.Key;
            hosted.Add(new(group.Key, isAlone ? members[0].Component : AggregateHandler.Of([.. members.Select(m => (m.Settings.Name, m.Component))]))
            {
                Names = isAlone ? [] : [.. members.Select(member => member.Settings.Name)],
                Connections = ConnectionsOf(settings),
                Running = settings.Running,
                TetherDeadline = settings.TetherDeadlineSeconds > 0 ? TimeSpan.FromSeconds(settings.TetherDeadlineSeconds) : TimeSpan.FromMinutes(10),
            });
        }

        ThrowIfAmbiguous(hosted);
        return hosted;
    }

    internal static void ThrowIfAmbiguous(IReadOnlyList<HostedComponent> components)
    {
        HashSet<string> names = new(StringComparer.Ordinal);
        foreach (string name in components.SelectMany(component => component.Names.Prepend(component.Name)))
        {
            if (!Directory.Names.IsValid(name))
            {
                throw new ArgumentException($"'{name}' is no name for a component: use 1 to 63 of a-z, 0-9 and inner hyphens", nameof(components));
            }

            if (!names.Add(name))
            {
                throw new ArgumentException($"two components, or a component and an aggregate, are called {name}", nameof(components));
            }
        }
    }

    /// <summary>It has state of its own: code of its own saves and restores it, and it can go back.</summary>
    internal bool HasState => Handler is AggregateHandler aggregate ? aggregate.HasState : Handler is IStatefulComponent;

    internal void Save(IBufferWriter<byte> writer) => (Handler as IStatefulComponent)?.Save(writer);

    internal void Restore(ReadOnlyMemory<byte> state) => (Handler as IStatefulComponent)?.Restore(state);

    private static ComponentAttribute SettingsOf(IComponent component) => component.GetType().GetCustomAttribute<ComponentAttribute>()
        ?? throw new ArgumentException($"{component.GetType().Name} has no name: give it [Component(\"name\")]", nameof(component));

    private static ConnectionOptions ConnectionsOf(ComponentAttribute settings)
    {
        ConnectionOptions options = ConnectionOptions.Default;
        options = settings.IdleTimeoutSeconds > 0 ? options with { IdleTimeout = TimeSpan.FromSeconds(settings.IdleTimeoutSeconds) } : options;
        return settings.MaxRequestsPerConnection > 0
            ? options with { Streams = options.Streams with { MaxBidirectional = (ulong)settings.MaxRequestsPerConnection } }
            : options;
    }
}

/// <summary>A component whose own state moves with its connections, saved and cut at one instant.</summary>
/// <remarks>
/// Both are called on the component's own thread (<see cref="HostedComponent"/>), one at a time. Nobody else waits for it: one that takes long makes the stall that
/// its own clients see so much longer. One that never returns fails the move when that has had its time: is it <see cref="Restore"/>, the source goes on
/// serving; is it <see cref="Save"/>, the component stands still for good, as its thread is lost. Neither touches its node.
/// </remarks>
public interface IStatefulComponent
{
    /// <summary>Writes the state down. No request is running then; called while frozen, and for checkpoints, so it must be quick: clients wait for it.</summary>
    /// <param name="writer">Takes the bytes.</param>
    void Save(IBufferWriter<byte> writer);

    /// <summary>
    /// Takes the state over, in the place of all that is there: before any request is served here, or when a component in service goes back to a checkpoint. Clients wait for it.
    /// </summary>
    /// <param name="state">
    /// What <see cref="Save"/> wrote at the source, or here before; the component's from now on. Hostile in principle: throw on what does not fit. When a roll-back fails so, the newest state
    /// is restored next, from what <see cref="Save"/> has just written.
    /// </param>
    void Restore(ReadOnlyMemory<byte> state);
}
