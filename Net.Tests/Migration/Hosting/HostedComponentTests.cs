using System.Buffers;
using Net.Core.Snapshots;
using Net.Http3.Server;
using Net.Migration.Hosting;

namespace Net.Tests.Migration.Hosting;

/// <summary>What a host reads from a component's code, and the state of an aggregate.</summary>
[TestClass]
public sealed class HostedComponentTests
{
    /// <summary>Goal: attributes name components, group aggregates and set limits.</summary>
    [TestMethod]
    public void Attributes_say_how_a_component_is_hosted()
    {
        IReadOnlyList<HostedComponent> hosted = HostedComponent.Of(new Alone(), new Cart(), new Orders());
        Assert.AreEqual("alone,shop", string.Join(',', hosted.Select(h => h.Name)));
        Assert.IsInstanceOfType<Alone>(hosted[0].Handler);
        Assert.AreEqual((0, TimeSpan.FromSeconds(90), 7ul), (hosted[0].Names.Count, hosted[0].Connections.IdleTimeout, hosted[0].Connections.Streams.MaxBidirectional));
        Assert.AreEqual("cart,orders", string.Join(',', hosted[1].Names));
        Assert.IsNotInstanceOfType<IResumableComponent>(hosted[1].Handler, "one of its components is not");
    }

    /// <summary>Goal: what cannot be hosted together is refused with the name in the message.</summary>
    [TestMethod]
    public void Names_are_checked()
    {
        StringAssert.Contains(Assert.ThrowsExactly<ArgumentException>(() => HostedComponent.Of(new Nameless())).Message, nameof(Nameless));
        StringAssert.Contains(Assert.ThrowsExactly<ArgumentException>(() => HostedComponent.Of(new Alone(), new Alone())).Message, "alone");
        StringAssert.Contains(Assert.ThrowsExactly<ArgumentException>(() => HostedComponent.Of(new Wrong())).Message, "Not_A_Label");
        StringAssert.Contains(Assert.ThrowsExactly<ArgumentException>(() => HostedComponent.Of(new Cart(), new Hasty())).Message, "shop");
    }

    /// <summary>Goal: an aggregate's state is that of each component, and goes to its own; anything else is refused.</summary>
    [TestMethod]
    public void The_state_of_an_aggregate_is_that_of_its_components()
    {
        Cart cart = new() { State = [1, 2, 3] };
        ArrayBufferWriter<byte> saved = new();
        HostedComponent.Of(cart, new Orders())[0].Save(saved);
        Cart other = new();
        HostedComponent restored = HostedComponent.Of(other, new Orders())[0];
        restored.Restore(saved.WrittenMemory.ToArray());
        CollectionAssert.AreEqual(cart.State, other.State);
        Assert.ThrowsExactly<SnapshotException>(() => HostedComponent.Of(new Orders(), new Cart())[0].Restore(saved.WrittenMemory.ToArray()));
        for (int length = 0; length < saved.WrittenCount; length++)
        {
            Assert.ThrowsExactly<SnapshotException>(() => restored.Restore(saved.WrittenMemory[..length].ToArray()), $"cut at {length}");
        }

        Assert.ThrowsExactly<SnapshotException>(() => restored.Restore((byte[])[.. saved.WrittenSpan, 0]));
    }

    private class Nameless : IComponent
    {
        public ValueTask HandleAsync(Http3Exchange exchange, CancellationToken cancellationToken) => ValueTask.CompletedTask;
    }

    [Component("alone", IdleTimeoutSeconds = 90, MaxRequestsPerConnection = 7)]
    private sealed class Alone : Nameless;

    [Component("Not_A_Label")]
    private sealed class Wrong : Nameless;

    [Component("orders")]
    [Aggregate("shop")]
    private sealed class Orders : Nameless;

    [Component("hasty", IdleTimeoutSeconds = 1)]
    [Aggregate("shop")]
    private sealed class Hasty : Nameless;

    [Component("cart")]
    [Aggregate("shop")]
    private sealed class Cart : Nameless, IResumableComponent, IStatefulComponent
    {
        public byte[] State { get; set; } = [];

        public void Save(IBufferWriter<byte> writer) => writer.Write(State);

        public void Restore(ReadOnlyMemory<byte> state) => State = state.ToArray();
    }
}
