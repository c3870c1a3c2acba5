namespace Net.Node.Web;

/// <summary>Who serves a component at this moment; the host of the component knows.</summary>
internal interface IComponentIdentity
{
    /// <summary>Name of this node.</summary>
    string Node { get; }

    /// <summary>Name of the component.</summary>
    string Component { get; }

    /// <summary>Of its ownership record; changes with each move. Read for every request.</summary>
    ulong Epoch { get; }
}
