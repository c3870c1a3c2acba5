namespace Net.Core.Tls;

/// <summary>One generation of the secret that session tickets are sealed with, shared by all who may open them.</summary>
/// <param name="Number">Stands in the ticket, so that older ones open while a new generation is in use.</param>
/// <param name="Secret">32 bytes.</param>
internal readonly record struct TicketKey(uint Number, ReadOnlyMemory<byte> Secret)
{
    /// <summary>Says nothing of the secret.</summary>
    public override string ToString() => $"ticket key {Number}";
}
