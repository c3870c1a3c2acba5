using Net.Core.Wire;
using Net.Migration.Directory;

namespace Net.Migration.Hosting;

/// <summary>A directory outside the ingress, which several ingresses work with: who owns what, who sees whom, and the federation's keys.</summary>
internal interface ISharedDirectory : IOwnershipDirectory, IIngressRegistry, IFederationSecrets, IAsyncDisposable
{
    /// <summary>Begins to tell of what has come: answers, changes, trouble. From any thread, and not within a call to this object.</summary>
    void Start(Action changed);
}

/// <summary>What an ingress tells of itself when it opens a shared directory.</summary>
/// <param name="Control">Where members reach it.</param>
/// <param name="StateDirectory">Of this ingress alone.</param>
internal sealed record SharedDirectoryUser(UdpAddress Control, string StateDirectory);
