"""What the operator asks: is everything well, and does a mail server take an e-mail?"""
