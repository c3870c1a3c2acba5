using Net.Node.Web;

namespace Net.Tests.Node.Web;

/// <summary>Who serves, as a test wants it.</summary>
internal sealed record TestIdentity(string Node, ulong Epoch) : IComponentIdentity
{
    public string Component => "web";
}
