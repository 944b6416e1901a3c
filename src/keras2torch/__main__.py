from keras2torch.cli import main

main()
