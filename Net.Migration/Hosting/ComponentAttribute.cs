namespace Net.Migration.Hosting;

/// <summary>Says in a component's code how hosts run it. Read by <see cref="HostedComponent.Of"/>.</summary>
/// <param name="name">First label of the server names that it answers to: 1 to 63 of a-z, 0-9 and inner hyphens.</param>
/// <example>
/// <code>
/// [Component("cart", IdleTimeoutSeconds = 120)]
/// [Aggregate("shop")]
/// sealed class Cart : IResumableComponent, IStatefulComponent { ... }
/// </code>
/// </example>
[AttributeUsage(AttributeTargets.Class)]
public sealed class ComponentAttribute(string name) : Attribute
{
    /// <summary>First label of its server names.</summary>
    public string Name => name;

    /// <summary>Silence after which a client's connection is closed; 0: the default of 30 s. Components of one aggregate share connections, and so this.</summary>
    public int IdleTimeoutSeconds { get; init; }

    /// <summary>Requests of one connection at a time; 0: the default. As for the idle time, one value for an aggregate.</summary>
    public int MaxRequestsPerConnection { get; init; }

    /// <summary>What becomes of its running requests when it moves; one value for an aggregate.</summary>
    public Net.Http3.Server.RunningRequests Running { get; init; }

    /// <summary>How long a request may go on that has stayed behind; 0: the default of 10 minutes. One value for an aggregate.</summary>
    public int TetherDeadlineSeconds { get; init; }
}

/// <summary>Makes a component part of an aggregate: its components have one ownership record, so they are always on one node and move as one.</summary>
/// <remarks>
/// One record is one compare-and-swap: there is no moment at which half of an aggregate has moved. A connection to any of its components
/// serves all of them; the :authority of each request says which.
/// </remarks>
/// <param name="name">Name of the record: as a component's, and no component's.</param>
[AttributeUsage(AttributeTargets.Class)]
public sealed class AggregateAttribute(string name) : Attribute
{
    /// <summary>Name of the record.</summary>
    public string Name => name;
}
