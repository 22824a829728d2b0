"""Energy and area beside chips: microcontrollers, Eyeriss, published NPUs."""
