using Net.Migration.Link;

namespace Net.Node.Commands;

/// <summary>One look of `top`; with `--json`, one line.</summary>
/// <param name="Ingress">Public address.</param>
/// <param name="Components">By name.</param>
/// <param name="Nodes">By name.</param>
internal sealed record TopJson(string Ingress, IReadOnlyList<TopComponentJson> Components, IReadOnlyList<TopNodeJson> Nodes)
{
    /// <summary>Rates are differences between two looks; <c>null</c> where there is no earlier one of the same owner.</summary>
    /// <param name="before">The look before; <c>null</c>: none.</param>
    /// <param name="elapsed">Between the two.</param>
    public static TopJson Of(StatusReplyMessage now, StatusReplyMessage? before, TimeSpan elapsed)
    {
        Dictionary<string, ComponentStatus> earlier = before?.Components.ToDictionary(c => c.Record.Component, StringComparer.Ordinal) ?? [];
        List<TopComponentJson> components = [];
        foreach (ComponentStatus component in now.Components)
        {
            bool isKnown = earlier.TryGetValue(component.Record.Component, out ComponentStatus old) && old.Record.Owner == component.Record.Owner
                && component.Load.BytesIn >= old.Load.BytesIn && component.Load.BytesOut >= old.Load.BytesOut && elapsed > TimeSpan.Zero;
            components.Add(new(
                component.Record.Component, component.Record.Owner.Name, component.Record.Epoch, component.Connections,
                isKnown ? Rate(component.Load.BytesIn - old.Load.BytesIn, elapsed) : null,
                isKnown ? Rate(component.Load.BytesOut - old.Load.BytesOut, elapsed) : null,
                component.Moves, MigrateJson.Microseconds(component.LastFreeze), component.MovingTo.Length > 0 ? component.MovingTo : null, component.Load.Checkpoints, component.Load.NewestCheckpoint));
        }

        List<TopNodeJson> nodes = [];
        foreach (NodeStatus node in now.Nodes)
        {
            ComponentStatus[] owned = [.. now.Components.Where(c => c.Record.Owner == node.Node.Member)];
            nodes.Add(new(
                node.Node.Member.Name, node.Node.Link.ToString(), node.IsAlive, node.IsDraining,
                [.. owned.Select(c => c.Record.Component)], owned.Sum(c => (long)c.Connections)));
        }

        return new(now.Ingress.ToString(), components, nodes);
    }

    private static long Rate(ulong bytes, TimeSpan elapsed) => (long)(bytes / elapsed.TotalSeconds);
}

/// <summary>A component, now.</summary>
/// <param name="Name">Of the record.</param>
/// <param name="Owner">Who serves it.</param>
/// <param name="Epoch">Under which.</param>
/// <param name="Connections">That are open.</param>
/// <param name="BytesInPerS">From clients; <c>null</c> when not known.</param>
/// <param name="BytesOutPerS">To clients; <c>null</c> when not known.</param>
/// <param name="Moves">Since the ingress started.</param>
/// <param name="LastFreezeUs">Of the latest; 0: none.</param>
/// <param name="MovingTo">While it moves.</param>
/// <param name="Checkpoints">That it can go back to.</param>
/// <param name="NewestCheckpoint">Its number; 0: there is none.</param>
internal sealed record TopComponentJson(
    string Name, string Owner, ulong Epoch, uint Connections, long? BytesInPerS, long? BytesOutPerS, ulong Moves, long LastFreezeUs, string? MovingTo,
    uint Checkpoints, ulong NewestCheckpoint);

/// <summary>A node, now.</summary>
/// <param name="Name">As started.</param>
/// <param name="Address">Of its links.</param>
/// <param name="Alive">By the failure detector's count.</param>
/// <param name="Draining">Is being emptied, or was.</param>
/// <param name="Components">What it owns.</param>
/// <param name="Connections">Of all of them.</param>
internal sealed record TopNodeJson(string Name, string Address, bool Alive, bool Draining, IReadOnlyList<string> Components, long Connections);
