using System.Net;
using Net.Core.Wire;

namespace Net.Core.Io;

/// <summary>Another process, or another socket of this one, has the UDP port. The message is "ADDR:PORT is in use".</summary>
public sealed class AddressInUseException : IOException
{
    /// <summary>An exception without an address.</summary>
    public AddressInUseException()
        : this("the address is in use")
    {
    }

    /// <summary>An exception with a message of the caller's.</summary>
    public AddressInUseException(string message)
        : base(message)
    {
    }

    /// <summary>An exception with a message of the caller's, and its cause.</summary>
    public AddressInUseException(string message, Exception innerException)
        : base(message, innerException)
    {
    }

    internal AddressInUseException(UdpAddress address, Exception? cause = null)
        : base($"{address.ToEndPoint()} is in use", cause) => EndPoint = address.ToEndPoint();

    /// <summary>The address that was asked for.</summary>
    public IPEndPoint? EndPoint { get; }
}
